// The internal door of raft: what the simulator needs to judge and to show.
export { changeConfiguration, leaveJoint } from './configuration.ts';
