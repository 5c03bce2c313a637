package pre

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/tink-crypto/tink-go/v2/streamingaead/subtle/noncebased"
)

// The payload is magic(4) ‖ version(1) ‖ key commitment(32), then the record
// under AES-256-GCM in the STREAM construction (Hoang, Reyhanitabar, Rogaway,
// Vizár 2015, as in Tink's streaming AEAD): segments of 64 KiB of plaintext,
// each with a 16-byte tag; nonce = seven zero bytes ‖ segment number(4) ‖
// last-segment flag(1). The prefix of the nonce is constant because the key is
// good for one payload. Constant memory; truncated, reordered and repeated
// segments are refused.
const (
	payloadMagic   = "CSPY"
	payloadHeader  = 4 + 1 + 32
	payloadSegment = 64 << 10
	tagSize        = 16
	smallRecord    = 4 << 10 // read ahead, to know a small record by its end
)

// PayloadSum is the SHA-256 and the size in bytes of a payload as it is stored
// and sent (the ciphertext).
type PayloadSum struct {
	SHA256 [32]byte
	Size   uint64
}

// SealedSize is the size of the payload of a record of n bytes.
func SealedSize(n uint64) uint64 {
	segments := (n + payloadSegment - 1) / payloadSegment
	if segments == 0 {
		segments = 1
	}
	return payloadHeader + n + segments*tagSize
}

type segmentCipher struct{ aead cipher.AEAD }

func (s segmentCipher) EncryptSegment(segment, nonce []byte) ([]byte, error) {
	return s.aead.Seal(nil, nonce, segment, nil), nil
}

func (s segmentCipher) EncryptSegmentWithDst(dst, segment, nonce []byte) ([]byte, error) {
	return s.aead.Seal(dst, nonce, segment, nil), nil
}

func (s segmentCipher) DecryptSegment(segment, nonce []byte) ([]byte, error) {
	return s.aead.Open(nil, nonce, segment, nil)
}

func (s segmentCipher) DecryptSegmentWithDst(dst, segment, nonce []byte) ([]byte, error) {
	return s.aead.Open(dst, nonce, segment, nil)
}

func newSegmentCipher(key [32]byte) (segmentCipher, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return segmentCipher{}, err
	}
	aead, err := cipher.NewGCM(block)
	return segmentCipher{aead}, err
}

// summer counts and hashes what passes through it.
type summer struct {
	hash hash.Hash
	size uint64
}

func (s *summer) Write(p []byte) (int, error) {
	s.size += uint64(len(p))
	return s.hash.Write(p)
}

func (s *summer) sum() PayloadSum {
	return PayloadSum{SHA256: [32]byte(s.hash.Sum(nil)), Size: s.size}
}

// encryptPayload streams src into dst under key.
func encryptPayload(key, commit [32]byte, dst io.Writer, src io.Reader) (PayloadSum, error) {
	sum := &summer{hash: sha256.New()}
	out := io.MultiWriter(dst, sum)
	head := append(append([]byte(payloadMagic), version), commit[:]...)
	if _, err := out.Write(head); err != nil {
		return PayloadSum{}, fmt.Errorf("write payload: %w", err)
	}
	segments, err := newSegmentCipher(key)
	if err != nil {
		return PayloadSum{}, fmt.Errorf("payload cipher: %w", err)
	}
	// A record that ends early needs no buffer of a whole segment.
	first, segment := make([]byte, smallRecord), payloadSegment
	source := &sourceErrors{r: src} // whose own io.ErrUnexpectedEOF is no end
	n, err := io.ReadFull(source, first)
	switch {
	case source.err != nil:
		return PayloadSum{}, fmt.Errorf("encrypt payload: %w", source.err)
	case err != nil: // the end
		src, segment = bytes.NewReader(first[:n]), n
	default:
		src = io.MultiReader(bytes.NewReader(first), src)
	}
	w, err := noncebased.NewWriter(noncebased.WriterParams{
		W: out, SegmentEncrypter: segments, NonceSize: 12, NoncePrefix: make([]byte, 7), PlaintextSegmentSize: segment,
	})
	if err != nil {
		return PayloadSum{}, fmt.Errorf("payload cipher: %w", err)
	}
	if _, err := io.Copy(w, src); err != nil {
		return PayloadSum{}, fmt.Errorf("encrypt payload: %w", err)
	}
	if err := w.Close(); err != nil {
		return PayloadSum{}, fmt.Errorf("encrypt payload: %w", err)
	}
	return sum.sum(), nil
}

// CheckPayload reads a payload to its end and compares it with the capsule,
// without any key: what a holder or a receiver can do before it decrypts. It
// returns one of the ErrPayload errors, or the reader's own.
func (c *Capsule) CheckPayload(src io.Reader) error {
	head := make([]byte, payloadHeader)
	sum := &summer{hash: sha256.New()}
	n, err := io.ReadFull(src, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("read payload: %w", err)
	}
	_, _ = sum.Write(head[:n])
	if err := c.checkPayloadHeader(head[:n]); err != nil {
		return err
	}
	// One byte more than announced is enough to know.
	if _, err := io.Copy(sum, io.LimitReader(src, int64(min(c.payload.Size, 1<<62))-int64(n)+1)); err != nil {
		return fmt.Errorf("read payload: %w", err)
	}
	return c.comparePayload(sum.sum())
}

func (c *Capsule) checkPayloadHeader(head []byte) error {
	switch {
	case len(head) < payloadHeader:
		return ErrPayloadTruncated
	case string(head[:4]) != payloadMagic || head[4] != version:
		return fmt.Errorf("%w: it does not begin like a payload", ErrPayloadAltered)
	case subtle.ConstantTimeCompare(head[5:], c.commit[:]) != 1:
		return ErrPayloadMismatch
	case c.payload.Size < SealedSize(0): // no segment: nothing that the key authenticates
		return fmt.Errorf("%w: it was sealed wrongly", ErrPayloadAltered)
	}
	return nil
}

func (c *Capsule) comparePayload(got PayloadSum) error {
	switch {
	case got.Size < c.payload.Size:
		return ErrPayloadTruncated
	case got.Size > c.payload.Size:
		return ErrPayloadTrailing
	case got.SHA256 != c.payload.SHA256:
		return ErrPayloadAltered
	}
	return nil
}

// decryptPayload streams the record into dst. Each segment is authenticated
// before it is written, but only the return value says that all of it arrived:
// on an error, dst holds a prefix that the caller must discard.
func (c *Capsule) decryptPayload(key [32]byte, dst io.Writer, src io.Reader) error {
	sum := &summer{hash: sha256.New()}
	head := make([]byte, payloadHeader)
	n, err := io.ReadFull(src, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("read payload: %w", err)
	}
	_, _ = sum.Write(head[:n])
	if err := c.checkPayloadHeader(head[:n]); err != nil {
		return err
	}
	segments, err := newSegmentCipher(key)
	if err != nil {
		return fmt.Errorf("payload cipher: %w", err)
	}
	// Never read past the announced size: what follows is not ours to decrypt.
	rest := int64(min(c.payload.Size, 1<<62)) - int64(n)
	source := &sourceErrors{r: io.LimitReader(src, rest)}
	body := io.TeeReader(source, sum)
	segment := int(min(rest, payloadSegment+tagSize)) // the last one may be shorter, so a single one may
	r, err := noncebased.NewReader(noncebased.ReaderParams{
		R: body, SegmentDecrypter: segments, NonceSize: 12, NoncePrefix: make([]byte, 7), CiphertextSegmentSize: segment,
	})
	if err != nil {
		return fmt.Errorf("payload cipher: %w", err)
	}
	sink := &sinkErrors{w: dst}
	_, decryptErr := io.CopyBuffer(sink, r, make([]byte, segment))
	switch {
	case sink.err != nil:
		return fmt.Errorf("write record: %w", sink.err)
	case source.err != nil:
		return fmt.Errorf("read payload: %w", source.err)
	}
	// Read on to the end, to tell truncated from altered from prolonged.
	if _, err := io.Copy(io.Discard, body); err != nil {
		return fmt.Errorf("read payload: %w", err)
	}
	if extra, err := io.CopyN(sum, src, 1); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read payload: %w", err)
	} else if extra > 0 {
		return ErrPayloadTrailing
	}
	if err := c.comparePayload(sum.sum()); err != nil {
		return err
	}
	if decryptErr != nil {
		return fmt.Errorf("%w: it was sealed wrongly", ErrPayloadAltered)
	}
	return nil
}

// sourceErrors and sinkErrors remember whose error ended a copy.
type sourceErrors struct {
	r   io.Reader
	err error
}

func (s *sourceErrors) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

type sinkErrors struct {
	w   io.Writer
	err error
}

func (s *sinkErrors) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.err = err
	return n, err
}
