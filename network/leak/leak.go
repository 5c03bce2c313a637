// Package leak searches directories for secrets that must not be there: in
// plain files, inside LevelDB and SQLite databases, whose content is compressed
// or scattered over pages, and in whatever was packed with gzip.
//
// A secret is found as it is and in the forms in which programs let it slip:
// hexadecimal, base64 at any alignment and over several lines, a JSON string, a
// printed Go byte slice. It is not found when it was encrypted, compressed by
// anything but LevelDB and gzip, encoded twice, or cut in two by whoever stored
// it.
//
// The directories must be at rest: stop what writes there first.
package leak

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
)

// MinLength is the length of the shortest secret that can be told from chance.
const MinLength = anchorLength

// Secret is what to look for. Its name stands for it in what is reported.
type Secret struct {
	Name  string
	Value []byte
}

// String hides the value.
func (s Secret) String() string { return fmt.Sprintf("%s (%d bytes)", s.Name, len(s.Value)) }

// GoString hides the value.
func (s Secret) GoString() string { return s.String() }

// Finding is one secret in one place. The same secret in the same form is told
// once for each part of a file.
type Finding struct {
	Secret string // its name
	Form   string // raw, hex, base64...
	Path   string // of the file
	Part   string // of the file: its bytes, a column, a key...
	Offset int64  // in what was read there, the first time
}

func (f Finding) String() string {
	return fmt.Sprintf("%s (%s) in %s: %s, offset %d", f.Secret, f.Form, f.Path, f.Part, f.Offset)
}

// Report is what a search found, and how much it went through: who searches
// nothing finds nothing.
type Report struct {
	Findings []Finding

	Files    int
	Bytes    int64 // of files, and again of what was unpacked from them
	LevelDB  int   // tables and logs of LevelDB databases
	SQLite   int   // SQLite databases
	Unpacked int   // gzip streams
	Entries  int   // of LevelDB tables and logs
	Rows     int   // of SQLite tables
}

// Search looks for the secrets in all files under the roots. What it cannot
// read is an error, next to the report on the rest.
func Search(ctx context.Context, roots []string, secrets []Secret) (*Report, error) {
	m, err := newMatcher(secrets)
	if err != nil {
		return nil, err
	}
	s := &search{matcher: m, report: &Report{}, seen: map[Finding]bool{}}
	var unreadable []error
	for _, root := range roots {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err == nil {
				err = s.visit(ctx, path, entry)
			}
			if err != nil {
				unreadable = append(unreadable, fmt.Errorf("leak: %s: %w", path, err))
			}
			return nil
		})
		if err != nil {
			return s.report, err
		}
	}
	return s.report, errors.Join(unreadable...)
}

// search is one search under way.
type search struct {
	*matcher
	report *Report
	seen   map[Finding]bool // with offset zero
}

func (s *search) found(p *pattern, in place, offset int64) {
	f := Finding{Secret: p.secret, Form: p.form, Path: in.path, Part: in.part}
	if s.seen[f] {
		return
	}
	s.seen[f] = true
	f.Offset = offset
	s.report.Findings = append(s.report.Findings, f)
}

// place is a part of a file.
type place struct{ path, part string }

func (p place) with(detail string) place { return place{p.path, p.part + detail} }
