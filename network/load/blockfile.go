package load

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// A peer appends blocks to files blockfile_000000, blockfile_000001, ...: each
// block with its length in front, as varints and byte strings in Fabric's own
// order.

// filePlace is a place in a row of block files.
type filePlace struct {
	file   string // name of the last file, empty before the first
	offset int64
}

// maxBlock is a bound for the length that a damaged file may claim.
const maxBlock = 1 << 30

func blockFileNames(folder string) ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(folder, "blockfile_*"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("there are no block files in %s", folder)
	}
	slices.Sort(paths)
	for i, path := range paths {
		paths[i] = filepath.Base(path)
	}
	return paths, nil
}

// blockFileEnd is where the next block will be written.
func blockFileEnd(folder string) (filePlace, error) {
	names, err := blockFileNames(folder)
	if err != nil {
		return filePlace{}, err
	}
	last := names[len(names)-1]
	info, err := os.Stat(filepath.Join(folder, last))
	if err != nil {
		return filePlace{}, err
	}
	return filePlace{last, info.Size()}, nil
}

// fileBlock is a block as it stands in the file.
type fileBlock struct {
	number    uint64
	envelopes [][]byte
	metadata  [][]byte
	size      int64 // with the length in front
}

// readBlocks hands every complete block after a place to visit.
func readBlocks(folder string, from filePlace, visit func(fileBlock) error) error {
	names, err := blockFileNames(folder)
	if err != nil {
		return err
	}
	for _, name := range names {
		offset := int64(0)
		switch {
		case name < from.file:
			continue
		case name == from.file:
			offset = from.offset
		}
		if err := readBlockFile(filepath.Join(folder, name), offset, visit); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func readBlockFile(path string, offset int64, visit func(fileBlock) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	reader := bufio.NewReader(file)
	for {
		length, err := binary.ReadUvarint(reader)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if length > maxBlock {
			return fmt.Errorf("a block of %d bytes", length)
		}
		text := make([]byte, length)
		if _, err := io.ReadFull(reader, text); err != nil {
			return err
		}
		block, err := parseBlock(text)
		if err != nil {
			return err
		}
		block.size = int64(len(binary.AppendUvarint(nil, length))) + int64(length)
		if err := visit(block); err != nil {
			return fmt.Errorf("block %d: %w", block.number, err)
		}
	}
}

// cursor reads Fabric's file format; err is the first thing that was wrong.
type cursor struct {
	rest []byte
	err  error
}

var errShortBlock = errors.New("the block ends early")

func (c *cursor) number() uint64 {
	n, length := binary.Uvarint(c.rest)
	if length <= 0 {
		c.err, c.rest = errShortBlock, nil
		return 0
	}
	c.rest = c.rest[length:]
	return n
}

func (c *cursor) bytes() []byte {
	n := c.number()
	if n > uint64(len(c.rest)) {
		c.err, c.rest = errShortBlock, nil
		return nil
	}
	value := c.rest[:n]
	c.rest = c.rest[n:]
	return value
}

func (c *cursor) list() [][]byte {
	n := c.number()
	if n > uint64(len(c.rest)) {
		c.err, c.rest = errShortBlock, nil
		return nil
	}
	list := make([][]byte, n)
	for i := range list {
		list[i] = c.bytes()
	}
	return list
}

func parseBlock(text []byte) (fileBlock, error) {
	c := &cursor{rest: text}
	block := fileBlock{number: c.number()}
	c.bytes() // hash of the data
	c.bytes() // hash of the block before
	block.envelopes = c.list()
	block.metadata = c.list()
	if c.err == nil && len(c.rest) > 0 {
		c.err = fmt.Errorf("%d bytes are left over", len(c.rest))
	}
	return block, c.err
}
