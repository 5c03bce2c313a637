// Program golang-builder is a Fabric external builder for Go chaincode on a
// machine without Docker. It does what Fabric's Docker builder does in its
// image: compile the package with one given Go, from the vendor folder that the
// package has, and start the program with the peer's address and certificates.
// Fabric calls it as bin/detect, bin/build and bin/run; the name it was called
// by chooses the step.
//
// Unlike Docker it does not confine the chaincode, which runs as the peer's own
// user: it is for tests of packages that one trusts.
//
// The variable CLAIMSHARE_GO_BUILDER_CONFIG holds a JSON object with the paths
// of the go program ("go") and of Go's build cache ("cache").
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const configVariable = "CLAIMSHARE_GO_BUILDER_CONFIG"

// program is what a build makes, below its output folder.
const program = "chaincode"

func main() {
	step := filepath.Base(os.Args[0])
	if err := perform(step, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "golang-builder %s: %v\n", step, err)
		os.Exit(1)
	}
}

func perform(step string, args []string) error {
	switch {
	case step == "detect" && len(args) == 2: // source, metadata
		_, err := readMetadata(args[1])
		return err
	case step == "build" && len(args) == 3: // source, metadata, output
		return build(args[0], args[1], args[2])
	case step == "run" && len(args) == 2: // build output, run metadata
		return start(args[0], args[1])
	}
	return fmt.Errorf("called with %d arguments: it must be called by a Fabric peer as detect, build or run", len(args))
}

// metadata is what `peer lifecycle chaincode package` says of a package.
type metadata struct {
	Type string `json:"type"`
	Path string `json:"path"` // the import path of its main package
}

func readMetadata(dir string) (metadata, error) {
	var read metadata
	raw, err := os.ReadFile(filepath.Join(dir, "metadata.json"))
	if err != nil {
		return read, err
	}
	if err := json.Unmarshal(raw, &read); err != nil {
		return read, fmt.Errorf("read metadata.json: %w", err)
	}
	if read.Type != "golang" {
		return read, fmt.Errorf("package type is %q, not golang", read.Type)
	}
	return read, nil
}

// build compiles as Fabric's Docker builder does, without any module cache or
// proxy, so that nothing but the package decides what comes out.
func build(sourceDir, metadataDir, outputDir string) error {
	described, err := readMetadata(metadataDir)
	if err != nil {
		return err
	}
	var config struct{ Go, Cache string }
	if err := json.Unmarshal([]byte(os.Getenv(configVariable)), &config); err != nil {
		return fmt.Errorf("read %s: %w", configVariable, err)
	}
	module := filepath.Join(sourceDir, "src")
	if _, err := os.Stat(filepath.Join(module, "vendor")); errors.Is(err, os.ErrNotExist) {
		return errors.New("the package has no vendor folder: run `go mod vendor` before it is packed")
	}
	empty, err := os.MkdirTemp("", "gopath-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(empty)
	command := exec.Command(config.Go, "build", "-v", "-mod=vendor", "-trimpath", "-o", filepath.Join(outputDir, program), described.Path)
	command.Dir = module
	command.Env = append(os.Environ(), "GO111MODULE=on", "GOWORK=off", "GOFLAGS=", "GOTOOLCHAIN=local", "GOPROXY=off", "CGO_ENABLED=0",
		"GOPATH="+empty, "HOME="+empty, "GOMODCACHE="+filepath.Join(empty, "mod"), "GOENV=off", "GOCACHE="+config.Cache)
	command.Stdout, command.Stderr = os.Stderr, os.Stderr // into the peer's log
	return command.Run()
}
