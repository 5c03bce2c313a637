// Program claimshare-network runs a ClaimShare network on this machine.
package main

import "os"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }
