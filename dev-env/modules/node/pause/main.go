// Pause is the first process of a pod's sandbox, of a node and of a cluster: it does nothing, reaps what it inherits and
// ends when it is told to.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// An ignored SIGCHLD makes the kernel reap by itself.
	signal.Ignore(syscall.SIGCHLD)
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	for {
		// What died before SIGCHLD was ignored waits for somebody to ask.
		if pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil); err != nil || pid <= 0 {
			break
		}
	}
	<-end
}
