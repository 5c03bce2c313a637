//go:build !linux

package supervise

import "os/exec"

// dieWithParent does nothing where the kernel offers nothing: there a
// supervisor killed with SIGKILL leaves its processes behind.
func dieWithParent(*exec.Cmd) {}
