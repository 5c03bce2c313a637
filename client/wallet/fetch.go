package wallet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/cenkalti/backoff/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client"
	nodev1 "github.com/claimshare/claimshare/client/wire/claimshare/node/v1"
	"github.com/claimshare/claimshare/client/wire/refusal"
)

// spool is ciphertext in an unnamed temporary file: it vanishes with the
// program, however that ends.
type spool struct {
	file *os.File
	size uint64
}

func newSpool() (*spool, error) {
	f, err := os.CreateTemp("", "claimshare-wallet-*")
	if err != nil {
		return nil, fmt.Errorf("wallet: temporary file: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("wallet: temporary file: %w", err), f.Close())
	}
	return &spool{file: f}, nil
}

// Open reads from the beginning; readers do not disturb each other.
func (s *spool) Open() (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(s.file, 0, int64(s.size))), nil
}

func (s *spool) close() { s.file.Close() } // frees the space; nothing is lost

var _ client.Payload = (*spool)(nil)

// holding is a record or proposal at the party that keeps it.
type holding struct {
	node    Node
	custody nodev1.CustodyServiceClient
	id      record.RecordID
}

func (w *Wallet) holding(holder record.PartyID, id record.RecordID) (*holding, error) {
	n, cc, err := w.connection(holder)
	if err != nil {
		return nil, err
	}
	return &holding{n, nodev1.NewCustodyServiceClient(cc), id}, nil
}

func (h *holding) capsule(ctx context.Context) ([]byte, error) {
	ctx, cancel := quick(ctx, callTime)
	defer cancel()
	answer, err := h.custody.Capsule(ctx, &nodev1.CapsuleRequest{Record: h.id[:]})
	return answer.GetCapsule(), fromNode(h.node, err)
}

// payload fetches the ciphertext, of which there must be size bytes. A broken
// connection is made again and goes on where it broke, as long as something
// arrives.
func (h *holding) payload(ctx context.Context, size uint64) (*spool, error) {
	s, err := newSpool()
	if err != nil {
		return nil, err
	}
	pauses := backoff.NewExponentialBackOff()
	for tries := 0; ; tries++ {
		before := s.size
		err = h.receive(ctx, s, size)
		if err == nil {
			return s, nil
		}
		if s.size > before {
			tries = 0
			pauses.Reset()
		}
		if passing := status.Code(err) == codes.Unavailable || errors.Is(err, refusal.ErrBusy); !passing || tries == patience {
			break
		}
		select {
		case <-ctx.Done():
			s.close()
			return nil, ctx.Err()
		case <-time.After(pauses.NextBackOff()):
		}
	}
	s.close()
	return nil, fromNode(h.node, err)
}

// patience is how often a connection is made again in vain.
const patience = 5

// receive takes one stream, from what is there on.
func (h *holding) receive(ctx context.Context, s *spool, size uint64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := h.custody.Payload(ctx, &nodev1.PayloadRequest{Record: h.id[:], Offset: s.size})
	if err != nil {
		return err
	}
	for {
		part, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF) && s.size == size:
			return nil
		case errors.Is(err, io.EOF):
			return fmt.Errorf("%w: it sent %d bytes, not %d", client.ErrTampered, s.size, size)
		case err != nil:
			return err
		}
		if uint64(len(part.GetChunk())) > size-s.size {
			return fmt.Errorf("%w: it sends more than %d bytes", client.ErrTampered, size)
		}
		n, err := s.file.Write(part.GetChunk())
		s.size += uint64(n)
		if err != nil {
			return fmt.Errorf("wallet: temporary file: %w", err)
		}
	}
}
