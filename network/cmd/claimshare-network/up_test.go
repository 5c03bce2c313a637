package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is printed to be typed has to work where it is printed, also in a checkout
// below the temporary directory.
func TestTheProgramIsCalledAsItCanBe(t *testing.T) {
	checkout := t.TempDir()
	t.Chdir(checkout)
	called := os.Args[0]
	t.Cleanup(func() { os.Args[0] = called })
	o := &options{dir: filepath.Join(checkout, ".run")}
	for as, want := range map[string]string{
		filepath.Join(checkout, ".build/bin/claimshare-network"): ".build/bin/claimshare-network",
		".build/bin/claimshare-network":                          ".build/bin/claimshare-network",
		"./claimshare-network":                                   "./claimshare-network",
		"/usr/bin/claimshare-network":                            "/usr/bin/claimshare-network",
		"claimshare-network":                                     "claimshare-network", // by PATH
		"/x/go-build77/b001/exe/claimshare-network":              "claimshare-network", // go run
	} {
		os.Args[0] = as
		require.Equal(t, want+" status --dir .run", o.invocation("status"))
	}
}
