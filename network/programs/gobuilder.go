package programs

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/claimshare/claimshare/network/progress"
)

// GoBuilder compiles Go chaincode packages for a network's peers.
type GoBuilder struct {
	// Dir is the external builder's folder (it has bin/detect and the rest).
	Dir string
	// Go is the go program of the toolchain that it compiles with.
	Go string
	// Cache is Go's build cache, which it shares with this user's other builds.
	Cache string
}

// AddGo adds a builder of Go chaincode that compiles with the given toolchain
// ("go1.23.5"). A toolchain that Go's module cache does not hold is fetched
// through the module proxy.
func (s *Set) AddGo(ctx context.Context, checkout, toolchain string, report progress.Func) error {
	cache, err := CacheDir()
	if err != nil {
		return err
	}
	made := new(GoBuilder)
	if made.Dir, err = goBuilder.ensure(ctx, checkout, cache, report); err != nil {
		return fmt.Errorf("build %s: %w", goBuilder.title, err)
	}
	if made.Go, made.Cache, err = Toolchain(ctx, checkout, toolchain); err != nil {
		return err
	}
	s.Go = made
	return nil
}

// Toolchain finds the go program of a release ("go1.23.5"), fetching the release
// if Go's module cache does not hold it, and this user's build cache.
func Toolchain(ctx context.Context, dir, release string) (program, cache string, err error) {
	command := newGoCommand(ctx, dir, []string{"env", "GOROOT", "GOCACHE", "GOVERSION"})
	command.Env = append(command.Env, "GOTOOLCHAIN="+release)
	output, err := command.Output()
	if err != nil {
		return "", "", fmt.Errorf("find the toolchain %s: %w", release, err)
	}
	found := strings.Split(strings.TrimSpace(string(output)), "\n")
	if len(found) != 3 || found[2] != release {
		return "", "", fmt.Errorf("find the toolchain %s: go answers %q", release, output)
	}
	return filepath.Join(found[0], "bin", "go"), found[1], nil
}
