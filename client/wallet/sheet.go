package wallet

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/internal/typed"
	"github.com/claimshare/claimshare/crypto/pseudonym"
)

// ErrSheet says that a text is no backup, or that a line of it is missing or
// was copied wrongly. The error names the line.
var ErrSheet = errors.New("wallet: the backup cannot be read")

const (
	sheetVersion = 1
	lineSize     = 22 // bytes of one line: eight groups of five letters, check included
	sumSize      = 8
	groupSize    = 5
	pidSize      = 104 // bytes of a pseudo-identity
)

// sheet is what a backup holds: what no node could tell.
type sheet struct {
	paramsID           record.Digest
	manager            record.PartyID
	channel, chaincode string
	pid                pseudonym.PID
	seeds              []secret
}

// encode is version, parameters' identifier, manager, names, pseudo-identity,
// seeds, and the first bytes of a SHA-256 over all.
func (s *sheet) encode() ([]byte, error) {
	pid, err := base64.RawURLEncoding.Strict().DecodeString(string(s.pid))
	if err != nil || len(pid) != pidSize || len(s.seeds) == 0 || len(s.seeds) > 255 || len(s.channel) > 255 || len(s.chaincode) > 255 {
		return nil, fmt.Errorf("%w: the wallet does not fit into one", ErrSheet)
	}
	b := []byte{sheetVersion}
	b = append(append(b, s.paramsID[:]...), s.manager[:]...)
	for _, name := range []string{s.channel, s.chaincode} {
		b = append(append(b, byte(len(name))), name...)
	}
	b = append(append(b, pid...), byte(len(s.seeds)))
	for _, seed := range s.seeds {
		b = append(b, seed[:]...)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:sumSize]...), nil
}

func decodeSheet(b []byte) (*sheet, error) {
	if len(b) < sumSize+1 {
		return nil, fmt.Errorf("%w: lines are missing at the end", ErrSheet)
	}
	body, sum := b[:len(b)-sumSize], sha256.Sum256(b[:len(b)-sumSize])
	if !bytes.Equal(sum[:sumSize], b[len(body):]) {
		return nil, fmt.Errorf("%w: lines are missing, or are of different backups", ErrSheet)
	}
	if body[0] != sheetVersion {
		return nil, fmt.Errorf("%w: it is of version %d, this program knows %d", ErrSheet, body[0], sheetVersion)
	}
	s, r := new(sheet), bytes.NewReader(body[1:])
	name := func() (string, error) {
		n, err := r.ReadByte()
		if err != nil {
			return "", err
		}
		text := make([]byte, n)
		err = binary.Read(r, binary.BigEndian, text)
		return string(text), err
	}
	var pid [pidSize]byte
	var n byte
	var names [2]error
	err := errors.Join(binary.Read(r, binary.BigEndian, &s.paramsID), binary.Read(r, binary.BigEndian, &s.manager))
	s.channel, names[0] = name()
	s.chaincode, names[1] = name()
	err = errors.Join(err, names[0], names[1], binary.Read(r, binary.BigEndian, &pid), binary.Read(r, binary.BigEndian, &n))
	s.seeds = make([]secret, n)
	err = errors.Join(err, binary.Read(r, binary.BigEndian, s.seeds))
	if err != nil || r.Len() > 0 || n == 0 {
		return nil, fmt.Errorf("%w: its parts do not fit", ErrSheet)
	}
	s.pid = pseudonym.PID(base64.RawURLEncoding.EncodeToString(pid[:]))
	return s, nil
}

func linePurpose(i int) string { return "claimshare wallet backup, line " + strconv.Itoa(i) }

// text is the sheet to print, with the way to the system manager's node.
func (s *sheet) text(manager Node) (string, error) {
	b, err := s.encode()
	if err != nil {
		return "", err
	}
	defer clear(b)
	var out strings.Builder
	fmt.Fprintf(&out, `ClaimShare wallet: backup
=========================

Whoever has this sheet can act as you: sign, grant, and read your records.
Keep it where you keep your passport. Make a new one, and destroy this one, when
you have rotated your keys. It has %s.

Wallet     %s
Made       %s

`, many(len(s.seeds), "key"), record.NewPartyID(string(s.pid)), now().Format("2 January 2006"))
	for i := 1; len(b) > 0; i++ {
		n := min(lineSize, len(b))
		fmt.Fprintf(&out, "%3d  %s\n", i, typed.Encode(linePurpose(i), b[:n], groupSize))
		b = b[n:]
	}
	fmt.Fprintf(&out, `
To restore: claimshare wallet restore THIS-FILE
If you copy it from paper, the numbered lines are enough; then also give
--authority and --ca, which you can ask the system manager for: neither is secret.

Node       %s
%s
`, manager.Address, strings.TrimSpace(manager.Authority))
	return out.String(), nil
}

var numbered = regexp.MustCompile(`^\s*(\d{1,3})[.:)]?\s+(\S.*)$`)

// parseSheet reads the numbered lines of a backup, in any order, and the node
// and certificate if they are there.
func parseSheet(text string) (*sheet, Node, error) {
	lines := map[int][]byte{}
	var node Node
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if at := strings.Index(text, "-----BEGIN CERTIFICATE-----"); at >= 0 {
		node.Authority = strings.TrimSpace(text[at:]) + "\n"
		text = text[:at]
	}
	for line := range strings.SplitSeq(text, "\n") {
		if address, ok := strings.CutPrefix(line, "Node "); ok {
			node.Address = strings.TrimSpace(address)
		}
		m := numbered.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		i, err := strconv.Atoi(m[1])
		if err != nil {
			return nil, node, fmt.Errorf("%w: line %s", ErrSheet, m[1])
		}
		b, err := typed.Decode(linePurpose(i), m[2])
		if err != nil {
			return nil, node, fmt.Errorf("%w: line %d: %w", ErrSheet, i, err)
		}
		lines[i] = b
	}
	var all []byte
	for i := 1; i <= len(lines); i++ {
		b, ok := lines[i]
		if !ok {
			return nil, node, fmt.Errorf("%w: line %d is missing", ErrSheet, i)
		}
		all = append(all, b...)
	}
	defer clear(all)
	s, err := decodeSheet(all)
	return s, node, err
}
