// Logind stands in for systemd-logind on a node of the development cluster: it lets the kubelet take its delay inhibitor and
// tells it of a shutdown, as much of org.freedesktop.login1 as the kubelet's graceful node shutdown uses.
//
//	logind serve READY-FILE   takes the name on the system bus and serves
//	logind poweroff           announces the shutdown and returns when nobody delays it any more
package main

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	busName       = "org.freedesktop.login1"
	managerPath   = dbus.ObjectPath("/org/freedesktop/login1")
	managerFace   = busName + ".Manager"
	inhibitDelay  = 60 * time.Second
	inhibitsLimit = 64
)

// An inhibitor lasts until its taker closes the write end; ours has to be closed first, or the end would never be seen.
type inhibitor struct{ read, write *os.File }

type manager struct {
	bus        *dbus.Conn
	mutex      sync.Mutex
	inhibitors []inhibitor
}

func (m *manager) Inhibit(what, who, why, mode string) (dbus.UnixFD, *dbus.Error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if what != "shutdown" || mode != "delay" {
		return 0, dbus.MakeFailedError(fmt.Errorf("only delays of a shutdown are served, not %s of %s", mode, what))
	}
	if len(m.inhibitors) == inhibitsLimit {
		return 0, dbus.MakeFailedError(errors.New("too many inhibitors"))
	}
	read, write, err := os.Pipe()
	if err != nil {
		return 0, dbus.MakeFailedError(err)
	}
	m.inhibitors = append(m.inhibitors, inhibitor{read, write})
	fmt.Printf("%s delays a shutdown: %s\n", who, why)
	return dbus.UnixFD(write.Fd()), nil
}

func (m *manager) PowerOff(bool) *dbus.Error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	for _, one := range m.inhibitors {
		one.write.Close()
	}
	if err := m.bus.Emit(managerPath, managerFace+".PrepareForShutdown", true); err != nil {
		return dbus.MakeFailedError(err)
	}
	deadline := time.Now().Add(inhibitDelay)
	for _, one := range m.inhibitors {
		if err := one.read.SetReadDeadline(deadline); err != nil {
			return dbus.MakeFailedError(err)
		}
		if _, err := one.read.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			return dbus.MakeFailedError(fmt.Errorf("a shutdown is still delayed after %s", inhibitDelay))
		}
		one.read.Close()
	}
	m.inhibitors = nil
	return nil
}

type properties struct{}

func (properties) Get(face, name string) (dbus.Variant, *dbus.Error) {
	if face == managerFace && name == "InhibitDelayMaxUSec" {
		return dbus.MakeVariant(uint64(inhibitDelay.Microseconds())), nil
	}
	return dbus.Variant{}, dbus.MakeFailedError(fmt.Errorf("no property %s.%s", face, name))
}

func serve(bus *dbus.Conn, readyFile string) error {
	if err := bus.Export(&manager{bus: bus}, managerPath, managerFace); err != nil {
		return err
	}
	if err := bus.Export(properties{}, managerPath, "org.freedesktop.DBus.Properties"); err != nil {
		return err
	}
	if reply, err := bus.RequestName(busName, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		return fmt.Errorf("the name %s is not ours (%d): %w", busName, reply, err)
	}
	if err := os.WriteFile(readyFile, nil, 0o644); err != nil {
		return err
	}
	<-bus.Context().Done()
	return errors.New("the bus has gone")
}

func run(arguments []string) error {
	bus, err := dbus.ConnectSystemBus()
	if err != nil {
		return err
	}
	switch {
	case len(arguments) == 2 && arguments[0] == "serve":
		return serve(bus, arguments[1])
	case len(arguments) == 1 && arguments[0] == "poweroff":
		return bus.Object(busName, managerPath).Call(managerFace+".PowerOff", 0, false).Err
	}
	return errors.New("usage: logind serve READY-FILE | logind poweroff")
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "logind:", err)
		os.Exit(1)
	}
}
