// The public door of csi-driver.
export { readBootId } from './boot-id.ts';
export { capabilityTable, offeredMethods, type CapabilityRow, type CsiMethod } from './capabilities.ts';
export { controllerHandlers } from './controller.ts';
export { driverName, identityHandlers, type DriverFacts } from './identity.ts';
export { nodeHandlers, type NodeFacts } from './node.ts';
export { offer, type SocketAnswers } from './offer.ts';
export { Registration, registrationPath, type RegistrationOptions } from './registration.ts';
export { StandingServer, type StandingServerOptions } from './standing-server.ts';
