// Command generate re-makes the committed data set of package dataset: run
// "go generate ./dataset" in the module network.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/claimshare/claimshare/network/dataset/internal/fiction"
	"github.com/claimshare/claimshare/network/dataset/internal/index"
)

func main() {
	directory := "data"
	if len(os.Args) > 1 {
		directory = os.Args[1]
	}
	if err := generate(directory); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func generate(directory string) error {
	files, err := fiction.Make(os.DirFS(directory))
	if err != nil {
		return err
	}
	if err := removeOld(directory, files); err != nil {
		return err
	}
	total := 0
	for name, data := range files {
		name = filepath.Join(directory, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			return err
		}
		total += len(data)
	}
	fmt.Printf("%d files, %d bytes in %s\n", len(files), total, directory)
	return nil
}

// removeOld removes files that the data set no longer has. A directory that is
// not a data set is left alone.
func removeOld(directory string, files map[string][]byte) error {
	entries, err := os.ReadDir(directory)
	if os.IsNotExist(err) || len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(directory, index.File)); err != nil {
		return fmt.Errorf("%s is not empty and holds no data set: %w", directory, err)
	}
	return filepath.WalkDir(directory, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(directory, name)
		if err != nil {
			return err
		}
		if _, keep := files[filepath.ToSlash(rel)]; keep {
			return nil
		}
		return os.Remove(name)
	})
}
