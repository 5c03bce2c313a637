package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/document"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/network/consortium"
)

// noise writes so many bytes to a file and answers their digest.
func noise(path string, size int64) (digest string, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(file, sum), io.LimitReader(source(), size))
	return hex.EncodeToString(sum.Sum(nil)), errors.Join(err, file.Close())
}

// readsAs makes sure that the plaintext of a release is the bulky record, byte
// for byte, without ever having it in memory.
func (s *stage) readsAs(t *testing.T, release record.ReleaseID, size int64) error {
	t.Helper()
	stream, err := s.rival.Node.Ask.Read(t.Context(), &nodev1.ReadRequest{Release: release[:]})
	if err != nil {
		return err
	}
	out, in := io.Pipe()
	go func() {
		for {
			part, err := stream.Recv()
			if err != nil {
				_ = in.CloseWithError(err) // io.EOF at the end
				return
			}
			if _, err := in.Write(part.Chunk); err != nil {
				return
			}
		}
	}()
	defer out.Close()
	found := int64(0)
	_, err = document.Unpack(out, document.Limits{Attachment: size, Total: size}, func(_ document.Attachment, content io.Reader) error {
		want, got := sha256.New(), sha256.New()
		if _, err := io.Copy(want, io.LimitReader(source(), size)); err != nil {
			return err
		}
		found, err = io.Copy(got, content)
		require.Equal(t, want.Sum(nil), got.Sum(nil))
		return err
	})
	require.Equal(t, size, found)
	return err
}

// cable is a way to a node that breaks once, after so many bytes from it.
type cable struct {
	left  atomic.Int64
	ended atomic.Bool
}

func (c *cable) broke() bool { return c.ended.Load() }

// stretch has the other nodes reach a node through a cable.
func (s *stage) stretch(t *testing.T, n *consortium.Node, after int64) *cable {
	t.Helper()
	c := &cable{}
	c.left.Store(after)
	on, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			near, err := on.Accept()
			if err != nil {
				return
			}
			running.Go(func() { c.carry(near, n.Parties) })
		}
	})
	require.NoError(t, s.Redirect(n, on.Addr().String()))
	time.Sleep(1100 * time.Millisecond) // nodes look at the directory again after a second
	t.Cleanup(func() {
		require.NoError(t, s.Stop(context.Background())) // who still uses the cable
		require.NoError(t, on.Close())
		running.Wait()
	})
	return c
}

// carry passes bytes on both ways.
func (c *cable) carry(near net.Conn, address string) {
	defer near.Close()
	far, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer far.Close()
	go func() {
		_, _ = io.Copy(far, near) // ends with either connection
		_ = far.Close()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := far.Read(buffer)
		if c.left.Add(-int64(n)) < 0 && c.ended.CompareAndSwap(false, true) {
			return
		}
		if _, failed := near.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}
