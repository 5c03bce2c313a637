package pack

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	ours            = "github.com/claimshare/claimshare/"
	chaincodeModule = ours + "chaincode"
	cryptoModule    = ours + "crypto"
	systemFile      = "system.json"
)

// dockerfile builds a service from the folder that Source makes.
//
//go:embed Dockerfile
var dockerfile []byte

// Source puts the chaincode's source into folder, ready for any of Fabric's
// tools and complete: the packages that the chaincode is made of, without tests,
// the crypto module in the folder crypto, every dependency in vendor, and the
// given system.json (nil: the placeholder of the checkout, which names nobody's
// real certificate). folder is replaced if Source made it, and refused if it
// holds anything else.
//
// It needs the dependencies in Go's module cache or a module proxy.
func Source(ctx context.Context, checkout, folder string, system []byte) error {
	if err := source(ctx, checkout, folder, system); err != nil {
		return fmt.Errorf("stage the chaincode's source: %w", err)
	}
	return nil
}

func source(ctx context.Context, checkout, folder string, system []byte) error {
	if system == nil {
		placeholder, err := os.ReadFile(filepath.Join(checkout, "chaincode", systemFile))
		if err != nil {
			return err
		}
		system = placeholder
	}
	if err := checkSystem(system); err != nil {
		return err
	}
	if err := replaceable(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	stage, err := os.MkdirTemp(filepath.Dir(folder), ".source-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(stage)
	if err := copySources(ctx, checkout, stage); err != nil {
		return err
	}
	if err := write(filepath.Join(stage, systemFile), system); err != nil {
		return err
	}
	if err := write(filepath.Join(stage, "Dockerfile"), dockerfile); err != nil {
		return err
	}
	if _, err := run(ctx, stage, nil, "go", "mod", "edit", "-replace", cryptoModule+"=./crypto"); err != nil {
		return err
	}
	if _, err := run(ctx, stage, nil, "go", "mod", "vendor"); err != nil {
		return err
	}
	if err := os.Chmod(stage, 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	return os.Rename(stage, folder)
}

// replaceable refuses a folder that Source did not make.
func replaceable(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	module, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	if err == nil && bytes.HasPrefix(module, []byte("module "+chaincodeModule+"\n")) && bytes.Contains(module, []byte(cryptoModule+" => ./crypto\n")) {
		return nil
	}
	return fmt.Errorf("%s holds other files: choose an empty or new folder", folder)
}

// goPackage is what `go list` says of a package.
type goPackage struct {
	ImportPath, Dir string
	EmbedFiles      []string
}

// copySources copies the packages of our modules that the chaincode's program
// is made of, and the modules' own files.
func copySources(ctx context.Context, checkout, stage string) error {
	module := filepath.Join(checkout, "chaincode")
	listed, err := run(ctx, module, nil, "go", "list", "-deps", "-json=ImportPath,Dir,EmbedFiles", ".")
	if err != nil {
		return err
	}
	for decoder := json.NewDecoder(bytes.NewReader(listed)); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		inside, known := staged(p.ImportPath)
		if !known {
			continue
		}
		if err := copyPackage(p, filepath.Join(stage, inside)); err != nil {
			return err
		}
	}
	for to, from := range map[string]string{
		"go.mod": "chaincode/go.mod", "go.sum": "chaincode/go.sum", "LICENSE": "LICENSE",
		"crypto/go.mod": "crypto/go.mod", "crypto/go.sum": "crypto/go.sum",
	} {
		if err := copyFile(filepath.Join(checkout, filepath.FromSlash(from)), filepath.Join(stage, filepath.FromSlash(to))); err != nil {
			return err
		}
	}
	return nil
}

// staged is the folder of one of our packages.
func staged(importPath string) (folder string, known bool) {
	for module, folder := range map[string]string{chaincodeModule: ".", cryptoModule: "crypto"} {
		if rest, found := strings.CutPrefix(importPath+"/", module+"/"); found {
			return filepath.Join(folder, filepath.FromSlash(rest)), true
		}
	}
	return "", false
}

// copyPackage copies the Go and assembly files of one package for every
// platform, and what it embeds.
func copyPackage(p goPackage, to string) error {
	entries, err := os.ReadDir(p.Dir)
	if err != nil {
		return err
	}
	names := p.EmbedFiles
	for _, entry := range entries {
		name := entry.Name()
		switch filepath.Ext(name) {
		case ".go", ".s", ".h":
			if entry.Type().IsRegular() && !strings.HasSuffix(name, "_test.go") {
				names = append(names, name)
			}
		}
	}
	for _, name := range names {
		if err := copyFile(filepath.Join(p.Dir, name), filepath.Join(to, name)); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(from, to string) error {
	contents, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return write(to, contents)
}

func write(path string, contents []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, contents, 0o644)
}
