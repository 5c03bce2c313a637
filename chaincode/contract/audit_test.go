package contract_test

import (
	"encoding/base64"
	"testing"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/chaincode/stub"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"github.com/stretchr/testify/require"
)

// TestThreshold: an owner cannot sign for more proxies than are asked for.
func TestThreshold(t *testing.T) {
	a := newAlliance(t)
	g := a.grant(a.recorded(a.insurer, a.owner).Statement.ID)
	g.Proxies = []record.PartyID{a.proxy.ID, a.relay.ID}
	if string(a.relay.ID[:]) < string(a.proxy.ID[:]) {
		g.Proxies[0], g.Proxies[1] = a.relay.ID, a.proxy.ID
	}
	g.Threshold = 2
	a.refused(record.ErrMalformed, a.insurer.identity, record.TxGrant, a.grantArgs(g, a.owner)...)
	g.Threshold = 1
	a.granted(g)
}

// TestPaperPair: re-encryption keys of the paper's kind combine: with a second
// owner or receiver, records could be opened that nobody granted.
func TestPaperPair(t *testing.T) {
	a := newAlliance(t)
	join := func(role record.Role, identity *stub.Identity) *member {
		m := a.newMemberOf(record.ModePaper, role, identity)
		a.register(m)
		return m
	}
	owner, neighbour := join(record.RolePolicyholder, nil), join(record.RolePolicyholder, nil)
	insurer, rival := join(record.RoleInsurer, newIdentity(t, "InsurerMSP", "paper")), join(record.RoleInsurer, newIdentity(t, "RivalMSP", "paper"))
	grant := func(from, to *member) []string {
		return a.grantArgs(a.grantOf(from, to, record.RecordID{}), from)
	}
	carrier := a.shop.identity
	a.mustInvoke(carrier, record.TxGrant, grant(owner, insurer)...)
	a.mustInvoke(carrier, record.TxGrant, grant(owner, insurer)...)
	a.refused(record.ErrKeyTaken, carrier, record.TxGrant, grant(owner, rival)...)
	a.refused(record.ErrKeyTaken, carrier, record.TxGrant, grant(neighbour, insurer)...)
	a.mustInvoke(carrier, record.TxGrant, grant(neighbour, rival)...)
}

// TestAnnouncedAgainTooLate: a proxy whose announcement is on the ledger, but
// which has not handed out yet, is not told to go on once the consent has ended.
func TestAnnouncedAgainTooLate(t *testing.T) {
	a := newAlliance(t)
	ends := map[*record.Error]func(c claim){
		record.ErrConsentRevoked: func(c claim) {
			a.mustInvoke(a.shop.identity, record.TxRevoke, a.revokeArgs(c.grant.Consent, a.owner)...)
		},
		record.ErrConsentExpired:  func(claim) { a.advance(3600) },
		record.ErrStaleKeyVersion: func(claim) { a.rotate(a.insurer) },
	}
	for want, end := range ends {
		c := a.released()
		require.Empty(t, a.mustInvoke(a.proxy.identity, record.TxRelease, releaseArg(c.delivery)).Writes)
		end(c)
		a.refused(want, a.proxy.identity, record.TxRelease, releaseArg(c.delivery))
	}
}

// TestReleaseOrder: the answer has the order of the question, also when some of
// it is on the ledger already.
func TestReleaseOrder(t *testing.T) {
	a := newAlliance(t)
	c := a.released()
	fresh, other := a.delivery(c.grant, c.repair, a.shop, a.proxy), a.delivery(c.grant, c.repair, a.shop, a.proxy)
	list := []record.Delivery{fresh, c.delivery, other}
	tx := a.mustInvoke(a.proxy.identity, record.TxRelease, releaseArg(list...))
	answer := decodeAnswer[[]record.Release](a, tx.Response.GetPayload())
	require.Len(t, answer, len(list))
	for i := range list {
		require.Equal(t, list[i].Statement.Release, answer[i].Statement.Release, i)
	}
}

// TestBookmarkNotUTF8: the shim would panic.
func TestBookmarkNotUTF8(t *testing.T) {
	a := newAlliance(t)
	bad := func(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }
	prefix := "\x00ro\x00" + base64.RawURLEncoding.EncodeToString(a.owner.ID[:]) + "\x00"
	a.refused(record.ErrPage, a.manager, record.TxRecordsByOwner, a.owner.PID, "1", bad(prefix+"\xff"))
	a.refused(record.ErrPage, a.manager, record.TxParties, "1", bad("p\xff"))
}

// TestOddNames: a name that reads like a refusal is not one, and one that is not
// UTF-8 still gets an answer.
func TestOddNames(t *testing.T) {
	a := newAlliance(t)
	for _, name := range []string{"CLAIMSHARE_TIME:Record", "CLAIMSHARE_TIME", "\xff:Record", "records:\xff", ""} {
		a.refused(record.ErrUnknownTransaction, a.manager, name)
	}
}

// TestRaces: whatever takes a right away wins over what was simulated with it
// and comes later in the same block.
func TestRaces(t *testing.T) {
	a := newAlliance(t)
	simulate := func(id *stub.Identity, function string, args ...string) *stub.Transaction {
		tx, err := a.ledger.Simulate(a.call(id, function, args...))
		require.NoError(t, err)
		return tx
	}
	late := func(first, second *stub.Transaction) {
		t.Helper()
		require.Equal(t, []peer.TxValidationCode{peer.TxValidationCode_VALID, peer.TxValidationCode_MVCC_READ_CONFLICT}, a.ledger.Commit(first, second))
	}
	c := a.claim()
	release := func() *stub.Transaction {
		return simulate(a.proxy.identity, record.TxRelease, releaseArg(a.delivery(c.grant, c.repair, a.shop, a.proxy)))
	}
	for _, m := range []*member{a.owner, a.insurer, a.proxy} {
		late(simulate(a.manager, record.TxSuspend, m.ID.String(), "inquiry"), release())
		a.mustInvoke(a.manager, record.TxReinstate, m.ID.String(), "cleared")
	}
	late(simulate(a.shop.identity, record.TxRevoke, a.revokeArgs(c.grant.Consent, a.owner)...), release())

	grant := func() (record.GrantStatement, *stub.Transaction, *stub.Transaction) {
		g := a.grant(c.policy.Statement.ID)
		return g, simulate(a.insurer.identity, record.TxGrant, a.grantArgs(g, a.owner)...), simulate(a.shop.identity, record.TxRevoke, a.revokeArgs(g.Consent, a.owner)...)
	}
	_, granting, revoking := grant()
	late(revoking, granting)
	_, granting, revoking = grant()
	late(granting, revoking)
	g, granting, _ := grant()
	a.ledger.Commit(granting)
	late(simulate(a.shop.identity, record.TxRevoke, a.revokeArgs(g.Consent, a.owner)...), simulate(a.manager, record.TxApprove, g.Consent.String()))

	entry := batchCall(a.shop.identity, record.TxSubmitRecords, &record.Batch{Entries: []record.Entry{a.entry(a.shop, a.owner)}})
	submitting, err := a.ledger.Simulate(entry)
	require.NoError(t, err)
	args, next := a.rotateArgs(a.owner)
	late(simulate(a.manager, record.TxRotateKeys, args...), submitting)
	*a.owner = next
	a.refusedCall(record.ErrStaleKeyVersion, entry)
	require.Zero(t, query[record.Standing](a, a.manager, record.TxStanding, a.shop.PID).Violations, "a stale statement is no violation")
}
