package supervise

import (
	"os/exec"
	"syscall"
)

// dieWithParent asks the kernel to kill the child when the thread that starts
// it ends. The thread, not the process: start it from a locked one.
func dieWithParent(command *exec.Cmd) {
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
