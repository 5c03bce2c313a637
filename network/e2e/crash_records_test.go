package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/document"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/store"
	"github.com/claimshare/claimshare/client/store/sqlite"
	"github.com/claimshare/claimshare/crypto/bls"
	"github.com/claimshare/claimshare/crypto/pre"
	"github.com/claimshare/claimshare/network/dataset"
	"github.com/claimshare/claimshare/network/launch"
	"github.com/claimshare/claimshare/network/topology"
)

// crash is the network under TestCrash, with the policyholders.
type crash struct {
	*system
	network *launch.Network
	owners  []newcomer
	from    uint64 // the block with which the records begin
}

// crashing is a member of it, and the records in its database.
type crashing struct {
	crashMember
	records []record.RecordID
}

func newCrash(t *testing.T, made topology.Topology) *crash {
	t.Helper()
	network := hold(t, made)
	c := &crash{system: initialise(t, network), network: network}
	c.owners = c.system.owners(t, 5)
	for _, owner := range c.owners {
		_, err := c.register(t.Context(), owner)
		require.NoError(t, err)
	}
	return c
}

// prepare registers a member and fills its database with sealed records that
// both sides have signed.
func (c *crash) prepare(t *testing.T, identity string, role record.Role, records, size int) *crashing {
	t.Helper()
	m := &crashing{crashMember: crashMember{
		Connection: c.network.ConnectionFile(identity), Store: filepath.Join(t.TempDir(), identity+".sqlite"), Size: size,
	}}
	_, err := rand.Read(m.Seed[:])
	require.NoError(t, err)
	connection := dial(t, c.network, identity).Connection()
	certificate, err := connection.Certificate()
	require.NoError(t, err)
	member := c.enrolSeed(t, m.Seed, role, identity, connection.MSPID, certificate.Subject.String())
	m.PID = string(member.keys.PID)
	_, err = c.register(t.Context(), member)
	require.NoError(t, err)
	c.from = c.manager.Seen() + 1

	db, err := sqlite.Open(t.Context(), m.Store)
	require.NoError(t, err)
	defer db.Close()
	content := repairText(t)
	items := make([]store.Item, records)
	var sealing errgroup.Group
	sealing.SetLimit(4)
	for i := range items {
		sealing.Go(func() (err error) {
			items[i], err = c.sealed(member, c.owners[i%len(c.owners)], content)
			return err
		})
	}
	require.NoError(t, sealing.Wait())
	for _, item := range items {
		m.records = append(m.records, item.Entry.RecordID)
	}
	const together = 100
	for len(items) > 0 {
		n := min(together, len(items))
		require.NoError(t, db.Put(t.Context(), items[:n]...))
		items = items[n:]
	}
	return m
}

// repairText is a repair record as it is sealed.
func repairText(t *testing.T) []byte {
	t.Helper()
	data, err := dataset.Load()
	require.NoError(t, err)
	r := data.Repairs[0].Record
	r.Attachments = nil
	doc, err := document.NewRepair(r)
	require.NoError(t, err)
	var text bytes.Buffer
	require.NoError(t, document.Pack(&text, doc, nil))
	return text.Bytes()
}

// sealed is a record as a holder's database has it before it is submitted.
func (c *crash) sealed(issuer, owner newcomer, content []byte) (store.Item, error) {
	s := record.RecordStatement{
		Kind: record.KindRepair, Label: "repair/2026", Owner: owner.keys.ID(), OwnerVersion: 1, OwnerKey: owner.registration.Encryption,
		Issuer: issuer.keys.ID(), IssuerVersion: 1, IssuedAt: time.Now().Unix(),
	}
	if issuer.registration.Role == record.RoleInsurer {
		s.Kind, s.Label = record.KindPolicy, "policy/2026"
		_, _ = rand.Read(s.Evidence[:]) // never fails
	}
	_, _ = rand.Read(s.ID[:])
	info := pre.RecordInfo{RecordID: s.ID, Kind: byte(s.Kind), OwnerPID: owner.registration.PID, IssuerPID: issuer.registration.PID}
	var payload bytes.Buffer
	capsule, err := c.manager.Parameters().Seal(owner.keys.Scoped.PublicKey(), s.Label, info, &payload, bytes.NewReader(content))
	if err != nil {
		return store.Item{}, err
	}
	sum := capsule.Payload()
	s.Digest, s.PayloadSize = capsule.Digest(), sum.Size
	hash := s.Hash(c.manager.Context())
	return store.Item{Payload: &payload, Entry: store.Entry{
		RecordID: s.ID, Kind: s.Kind, Label: s.Label, Owner: s.Owner, OwnerPID: info.OwnerPID, Issuer: s.Issuer, IssuerPID: info.IssuerPID,
		Capsule: capsule.Bytes(), PayloadSize: int64(sum.Size), PayloadDigest: sum.SHA256, Statement: s.Encode(),
		OwnerSignature:  owner.keys.Signing.Sign(bls.RoleOwner, hash),
		IssuerSignature: issuer.keys.Signing.Sign(bls.RoleIssuer, hash),
	}}, nil
}

// check compares what the processes have said with the members' databases and
// with every block since the records began.
func (c *crash) check(t *testing.T, told *acknowledged, members ...*crashing) {
	t.Helper()
	l := dial(t, c.network, "insurer1")
	height, err := l.Height(t.Context())
	require.NoError(t, err)
	chain := readChain(t, l, c.from, height)
	records := 0
	for _, m := range members {
		m.check(t, told, chain)
		records += len(m.records)
	}
	require.Equal(t, records, len(chain.writers), "records that nobody knows of")
	t.Logf("blocks %d to %d: %d transactions recorded something, %d found everything recorded already; places in blocks that are not valid: %v",
		c.from, height-1, len(chain.recording), chain.idle, chain.codes)
	require.GreaterOrEqual(t, len(chain.recording), records/20, "too few transactions for so many records")
}

func (m *crashing) check(t *testing.T, told *acknowledged, chain *chainRead) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), m.Store)
	require.NoError(t, err)
	defer db.Close()
	pending, err := db.PendingRecords(t.Context(), 1)
	require.NoError(t, err)
	require.Empty(t, pending)
	open, err := db.Submissions(t.Context())
	require.NoError(t, err)
	require.Empty(t, open)
	left, err := db.Journal().Pending(t.Context())
	require.NoError(t, err)
	require.Empty(t, left)
	for _, id := range m.records {
		writers := chain.writers[id]
		require.Len(t, writers, 1, "record %s was written by %v", id, writers)
		entry, err := db.Record(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, store.Recorded, entry.State)
		if said, spoken := told.records[id]; spoken {
			require.Equal(t, said, entry.TxID, "not the transaction that was acknowledged")
		}
		// The transaction that the database names is the one that wrote the
		// record, or a later one that was told that it is there already.
		noted, found := chain.transactions[entry.TxID]
		require.True(t, found, "no block has transaction %s", entry.TxID)
		require.Equal(t, ledger.Valid, noted.Code)
		require.Equal(t, noted.Block, entry.Block)
		require.GreaterOrEqual(t, noted.Block, chain.transactions[writers[0]].Block)
	}
}

// chainRead is what a number of blocks say about records.
type chainRead struct {
	transactions map[string]ledger.Transaction
	writers      map[record.RecordID][]string // valid transactions that wrote the record
	recording    map[string]bool              // valid transactions that wrote any
	idle         int                          // valid transactions that wrote none
	codes        map[string]int               // of those that are not valid, copies of valid ones among them
}

func readChain(t *testing.T, l *ledger.Ledger, from, height uint64) *chainRead {
	t.Helper()
	c := &chainRead{transactions: map[string]ledger.Transaction{}, writers: map[record.RecordID][]string{}, recording: map[string]bool{}, codes: map[string]int{}}
	for block, err := range l.Blocks(t.Context(), from) {
		require.NoError(t, err)
		for _, transaction := range block.Transactions {
			if transaction.Function == record.TxSubmitRecords {
				c.read(transaction)
			}
		}
		if block.Number+1 == height {
			return c
		}
	}
	return c
}

func (c *chainRead) read(transaction ledger.Transaction) {
	if first, seen := c.transactions[transaction.TxID]; !seen || first.Code != ledger.Valid {
		c.transactions[transaction.TxID] = transaction
	}
	if transaction.Code != ledger.Valid {
		c.codes[transaction.Code.String()]++
		return
	}
	for _, w := range transaction.Writes {
		id, is := recordOf(w.Key)
		if !is {
			continue
		}
		c.writers[id] = append(c.writers[id], transaction.TxID)
		c.recording[transaction.TxID] = true
	}
	if !c.recording[transaction.TxID] {
		c.idle++
	}
}

// recordOf is the record whose current version stands under a key: "r" and the
// id in base64url.
func recordOf(key string) (id record.RecordID, is bool) {
	b, err := base64.RawURLEncoding.DecodeString(key[1:])
	if key[0] != 'r' || err != nil || len(b) != len(id) {
		return id, false
	}
	return record.RecordID(b), true
}
