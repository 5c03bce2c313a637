package supervise

import (
	"os/exec"
	"runtime"
)

// Run runs a command to its end, and ends it should this process die first.
func Run(command *exec.Cmd) error {
	result := make(chan error, 1)
	go func() {
		// The kernel's parent-death signal follows the thread that forked. This
		// one lives as long as the command, and ends with the goroutine.
		runtime.LockOSThread()
		dieWithParent(command)
		result <- command.Run()
	}()
	return <-result
}

// starter starts processes from one thread that never ends.
type starter chan startRequest

type startRequest struct {
	command *exec.Cmd
	result  chan error
}

func newStarter() starter {
	requests := make(starter)
	go func() {
		runtime.LockOSThread() // for ever: the children's lives hang on this thread
		for request := range requests {
			dieWithParent(request.command)
			request.result <- request.command.Start()
		}
	}()
	return requests
}

func (s starter) start(command *exec.Cmd) error {
	request := startRequest{command: command, result: make(chan error, 1)}
	s <- request
	return <-request.result
}
