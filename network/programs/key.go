package programs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// contentKey names what the artifact's sources would build into here.
func contentKey(checkout string, a artifact) (string, error) {
	hash := sha256.New()
	fmt.Fprintf(hash, "%s\n%s/%s\n%s\n%s\n%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, a.pkg, a.output, a.ldflags)
	for _, source := range a.sources {
		root := filepath.Join(checkout, filepath.FromSlash(source))
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if path != root && ignored(entry) {
				if entry.IsDir() {
					return fs.SkipDir
				}
				return nil
			}
			if !entry.Type().IsRegular() {
				return nil
			}
			relative, err := filepath.Rel(checkout, path)
			if err != nil {
				return err
			}
			return hashFile(hash, filepath.ToSlash(relative), path)
		})
		if err != nil {
			return "", fmt.Errorf("read the sources in %s: %w", source, err)
		}
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

// ignored tells what never reaches a program: tests, hidden files, documents.
func ignored(entry fs.DirEntry) bool {
	name := entry.Name()
	if entry.IsDir() {
		return name == "testdata" || strings.HasPrefix(name, ".")
	}
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".md")
}

func hashFile(w io.Writer, name, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s %d\n", name, info.Size())
	_, err = io.Copy(w, file)
	return err
}
