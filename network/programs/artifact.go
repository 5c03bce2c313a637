package programs

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/claimshare/claimshare/network/filelock"
	"github.com/claimshare/claimshare/network/progress"
)

// artifact is one cache entry: what a single `go build` makes of some sources.
type artifact struct {
	name    string   // of the cache entry
	title   string   // for a person
	module  string   // folder of the module, from the checkout's root
	pkg     string   // what to build, from the module
	output  string   // file name; empty: one file per program, named by Go
	ldflags string   // beyond the usual
	tags    string   // build tags, which the name has to tell
	sources []string // files and folders that decide the contents
	finish  func(ctx context.Context, module, out string) error
}

const fabricModule = "github.com/hyperledger/fabric"

var fabric = artifact{
	name:    "fabric",
	title:   "Hyperledger Fabric " + FabricVersion,
	module:  "network/fabric",
	pkg:     "tool",
	ldflags: "-X " + fabricModule + "/common/metadata.Version=" + FabricVersion,
	sources: []string{"network/fabric/go.mod", "network/fabric/go.sum"},
	finish:  copyFabricDefaults,
}

var supervisor = artifact{
	name:    "supervisor",
	title:   "the supervisor",
	module:  "network",
	pkg:     "./cmd/claimshare-supervisor",
	output:  "claimshare-supervisor",
	sources: []string{"network/supervise", "network/filelock", "network/cmd/claimshare-supervisor"},
}

var builder = builderArtifact("ccaas-builder", "the chaincode builder", "detect", "build", "release")

var goBuilder = builderArtifact("golang-builder", "the builder of Go chaincode", "detect", "build", "run")

// builderArtifact is a Fabric external builder: one program under the names of
// its steps.
func builderArtifact(name, title string, steps ...string) artifact {
	return artifact{
		name:    name,
		title:   title,
		module:  "network",
		pkg:     "./cmd/" + name,
		output:  "bin/" + name,
		sources: []string{"network/cmd/" + name},
		finish: func(_ context.Context, _, out string) error {
			for _, step := range steps {
				if err := os.Symlink(name, filepath.Join(out, "bin", step)); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func chaincodeArtifact(folder string) artifact {
	made := artifact{
		name:    strings.ReplaceAll(strings.TrimPrefix(folder, "network/"), "/", "-"),
		title:   "the " + strings.TrimPrefix(folder, "network/"),
		module:  folder,
		pkg:     ".",
		output:  "chaincode",
		sources: []string{folder},
	}
	if folder == ClaimShareChaincode {
		made.sources = append(made.sources, "crypto")
	}
	return made
}

// ensure returns the folder of the artifact, building it when it is missing.
func (a artifact) ensure(ctx context.Context, checkout, cache string, report progress.Func) (string, error) {
	key, err := contentKey(checkout, a)
	if err != nil {
		return "", err
	}
	entry := filepath.Join(cache, a.name+"-"+key)
	if touch(entry) == nil {
		return entry, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	phase := report.Start("build " + a.title)
	held, err := filelock.Wait(ctx, entry+".lock", func() { phase.Detail("waiting: another checkout is building it") })
	if err != nil {
		return "", phase.Fail(err)
	}
	defer held.Release()
	if touch(entry) == nil { // the other checkout has built it
		phase.Done("built by another checkout")
		return entry, nil
	}
	if err := a.build(ctx, checkout, entry, phase); err != nil {
		return "", phase.Fail(err)
	}
	phase.Done("")
	forgetUnused(cache, a.name)
	return entry, nil
}

func (a artifact) build(ctx context.Context, checkout, entry string, phase *progress.Phase) error {
	temporary, err := os.MkdirTemp(filepath.Dir(entry), "."+filepath.Base(entry)+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	module := filepath.Join(checkout, filepath.FromSlash(a.module))
	out := temporary + string(filepath.Separator)
	if a.output != "" {
		out = filepath.Join(temporary, filepath.FromSlash(a.output))
	}
	args := []string{"build", "-v", "-trimpath", "-buildvcs=false", "-tags", a.tags, "-ldflags", strings.TrimSpace("-s -w " + a.ldflags), "-o", out, a.pkg}
	total := countPackages(ctx, module, a.pkg, phase)
	if err := goCommand(ctx, module, args, newCounter(phase, total)); err != nil {
		return err
	}
	if a.finish != nil {
		if err := a.finish(ctx, module, temporary); err != nil {
			return err
		}
	}
	if err := os.Chmod(temporary, 0o755); err != nil {
		return err
	}
	return os.Rename(temporary, entry)
}

// copyFabricDefaults keeps Fabric's own configuration beside its programs: both
// read hundreds of defaults from it.
func copyFabricDefaults(ctx context.Context, module, out string) error {
	source, err := goOutput(ctx, module, "list", "-m", "-f", "{{.Dir}}", fabricModule)
	if err != nil {
		return err
	}
	config := filepath.Join(out, "config")
	if err := os.Mkdir(config, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"core.yaml", "orderer.yaml"} {
		contents, err := os.ReadFile(filepath.Join(strings.TrimSpace(source), "sampleconfig", name))
		if err != nil {
			return fmt.Errorf("copy Fabric's defaults: %w", err)
		}
		if err := os.WriteFile(filepath.Join(config, name), contents, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// unusedAfter is how long an entry that nobody asks for is kept.
const unusedAfter = 30 * 24 * time.Hour

// touch marks the entry as in use; an error means that there is none.
func touch(entry string) error {
	now := time.Now()
	return os.Chtimes(entry, now, now)
}

// forgetUnused drops old entries of one artifact; failing to costs only space.
func forgetUnused(cache, name string) {
	entries, err := filepath.Glob(filepath.Join(cache, name+"-????????????????"))
	if err != nil {
		return
	}
	for _, entry := range entries {
		if info, err := os.Stat(entry); err == nil && time.Since(info.ModTime()) > unusedAfter {
			_ = os.RemoveAll(entry)
			_ = os.Remove(entry + ".lock")
		}
	}
}

var claimshare = artifact{
	name:    "claimshare",
	title:   "the claimshare program",
	module:  "client",
	pkg:     "./cmd/claimshare",
	output:  "claimshare",
	sources: []string{"client", "chaincode/record", "chaincode/go.mod", "crypto"},
}

// failing is the program with points at which a node can be made to die.
func failing() artifact {
	made := claimshare
	made.name, made.title, made.tags = "claimshare-failpoints", "the claimshare program with failpoints", "failpoints"
	return made
}
