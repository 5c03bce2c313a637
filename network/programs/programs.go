// Package programs builds the programs that a network runs, once for all
// checkouts: Hyperledger Fabric at the release pinned in network/fabric, the
// chaincode, Fabric's external builder for it, and the supervisor.
//
// Everything lands in a cache directory under a name made from the sources'
// contents, so a changed source is a new entry, an unchanged one costs a few
// milliseconds and no network, and two checkouts share what is the same.
// Nothing in the cache is secret. Who can write it can change what runs.
package programs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/claimshare/claimshare/network/progress"
)

// CacheVariable names the environment variable that moves the cache.
const CacheVariable = "CLAIMSHARE_CACHE"

// FabricVersion is the release behind the pseudo-version in network/fabric/go.mod.
const FabricVersion = "v3.1.1"

// Chaincode programs that can serve a network, as folders of the checkout.
const (
	ClaimShareChaincode = "chaincode"
	TestChaincode       = "network/testchaincode"
)

// Set is where the programs of one network are.
type Set struct {
	Peer, Orderer, Cryptogen, Configtxgen, Osnadmin, Configtxlator string
	// FabricConfig holds Fabric's own core.yaml and orderer.yaml: the defaults.
	FabricConfig string
	// Chaincode is the chaincode's program.
	Chaincode string
	// Builder is the external builder's folder (it has bin/detect and the rest).
	Builder string
	// Go is what compiles Go chaincode for peers; nil unless AddGo was called.
	Go *GoBuilder
	// Supervisor is the program that keeps a network's processes alive.
	Supervisor string
}

// Checkout finds the source tree to build from: the one that contains the
// working directory, or else this program.
func Checkout() (string, error) {
	here, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the checkout: %w", err)
	}
	found, err := checkoutAround(here)
	if err == nil {
		return found, nil
	}
	if program, lookErr := os.Executable(); lookErr == nil {
		if found, lookErr := checkoutAround(filepath.Dir(program)); lookErr == nil {
			return found, nil
		}
	}
	return "", err
}

func checkoutAround(dir string) (string, error) {
	for at := dir; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "network", "fabric", "go.mod")); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", fmt.Errorf("%s is not inside a ClaimShare checkout: the programs are built from its sources, so run this from there", dir)
		}
	}
}

// CacheDir is where built programs are kept.
func CacheDir() (string, error) {
	if dir := os.Getenv(CacheVariable); dir != "" {
		return filepath.Abs(dir)
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a cache directory (set %s to choose one): %w", CacheVariable, err)
	}
	return filepath.Join(user, "claimshare"), nil
}

// Build returns the programs for a network that runs the given chaincode (a
// folder of the checkout), building those that the cache does not hold.
func Build(ctx context.Context, checkout, chaincode string, report progress.Func) (*Set, error) {
	if _, err := os.Stat(filepath.Join(checkout, chaincode, "main.go")); errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("build the programs: %s has no main.go, so it is not a chaincode program", filepath.Join(checkout, chaincode))
	}
	cache, err := CacheDir()
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{}
	for _, artifact := range []artifact{fabric, supervisor, builder, chaincodeArtifact(chaincode)} {
		if dirs[artifact.name], err = artifact.ensure(ctx, checkout, cache, report); err != nil {
			return nil, fmt.Errorf("build %s: %w", artifact.title, err)
		}
	}
	set := fabricSet(dirs[fabric.name])
	set.Chaincode = filepath.Join(dirs[chaincodeArtifact(chaincode).name], "chaincode")
	set.Builder = dirs[builder.name]
	set.Supervisor = filepath.Join(dirs[supervisor.name], "claimshare-supervisor")
	return set, nil
}

// Fabric returns only Fabric's own programs, building them if the cache does
// not hold them.
func Fabric(ctx context.Context, checkout string, report progress.Func) (*Set, error) {
	cache, err := CacheDir()
	if err != nil {
		return nil, err
	}
	dir, err := fabric.ensure(ctx, checkout, cache, report)
	if err != nil {
		return nil, fmt.Errorf("build %s: %w", fabric.title, err)
	}
	return fabricSet(dir), nil
}

func fabricSet(dir string) *Set {
	in := func(name string) string { return filepath.Join(dir, name) }
	return &Set{
		Peer: in("peer"), Orderer: in("orderer"), Cryptogen: in("cryptogen"), Configtxgen: in("configtxgen"),
		Osnadmin: in("osnadmin"), Configtxlator: in("configtxlator"), FabricConfig: in("config"),
	}
}

// ClaimShare returns the claimshare program, which runs nodes and wallets,
// building it if the cache does not hold it.
func ClaimShare(ctx context.Context, checkout string, report progress.Func) (string, error) {
	return claimshare.ensureProgram(ctx, checkout, report)
}

// FailingClaimShare is [ClaimShare] built with the tag failpoints: its nodes can
// be made to die at named points. For tests.
func FailingClaimShare(ctx context.Context, checkout string, report progress.Func) (string, error) {
	return failing().ensureProgram(ctx, checkout, report)
}

// ensureProgram is ensure for one program.
func (a artifact) ensureProgram(ctx context.Context, checkout string, report progress.Func) (string, error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	dir, err := a.ensure(ctx, checkout, cache, report)
	if err != nil {
		return "", fmt.Errorf("build %s: %w", a.title, err)
	}
	return filepath.Join(dir, a.output), nil
}
