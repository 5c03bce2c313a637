// Program claimshare-supervisor keeps the processes of one network alive. It is
// started by the launcher, never by hand.
package main

import (
	"errors"
	"flag"
	"log"
	"os"
	"syscall"

	"github.com/claimshare/claimshare/network/supervise"
)

func main() {
	dir := flag.String("dir", "", "the supervisor's directory")
	flag.Parse()
	if err := run(*dir); err != nil {
		log.Fatal(err)
	}
}

func run(dir string) error {
	if dir == "" {
		return errors.New("--dir is missing: the launcher starts this program, use claimshare-network up")
	}
	syscall.Umask(0o077) // ledgers and logs are the owner's alone
	const leashDescriptor = 3
	syscall.CloseOnExec(leashDescriptor) // the processes of the network have no business with it
	leash := os.NewFile(leashDescriptor, "leash")
	return supervise.Serve(dir, leash)
}
