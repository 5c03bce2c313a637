package contract_test

import (
	"testing"

	"github.com/claimshare/claimshare/chaincode/alliance"
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/stretchr/testify/require"
)

func TestAcknowledge(t *testing.T) {
	a := newAlliance(t)
	c := a.released()
	id := c.delivery.Statement.Release.String()
	a.refused(record.ErrReleaseUnknown, a.insurer.identity, record.TxAcknowledge, record.ReleaseID{1}.String())
	a.refused(record.ErrMalformed, a.insurer.identity, record.TxAcknowledge, "1")
	a.refused(record.ErrNotReceiver, a.rival.identity, record.TxAcknowledge, id)
	a.mustInvoke(a.insurer.identity, record.TxAcknowledge, id)
	require.Empty(t, a.mustInvoke(a.insurer.identity, record.TxAcknowledge, id).Writes)
	a.refused(record.ErrReleaseStatus, a.insurer.identity, record.TxDispute, id, "capsule", "too late", "", "")
	release := query[record.Release](a, a.shop.identity, record.TxReleaseByID, id)
	require.Equal(t, c.delivery, release.Delivery, "the holder's signed word stays on the ledger")
	require.Equal(t, a.proxy.ID, release.Proxy)
	a.refused(record.ErrReleaseUnknown, a.insurer.identity, record.TxReleaseByID, record.ReleaseID{1}.String())
}

func TestDisputeRefusals(t *testing.T) {
	a := newAlliance(t)
	c := a.released()
	id := c.delivery.Statement.Release.String()
	trailer := a.trailerArgs(c, a.shop, nil)
	a.refused(record.ErrReleaseUnknown, a.insurer.identity, record.TxDispute, record.ReleaseID{1}.String(), "capsule", "altered", "", "")
	a.refused(record.ErrNotReceiver, a.rival.identity, record.TxDispute, id, "capsule", "altered", "", "")
	a.refused(record.ErrForbidden, a.proxy.identity, record.TxDispute, id, "capsule", "altered", "", "")
	a.refused(record.ErrMalformed, a.insurer.identity, record.TxDispute, id, "mood", "altered", "", "")
	a.refused(record.ErrMalformed, a.insurer.identity, record.TxDispute, id, "capsule", "", "", "")
	a.refused(record.ErrTrailerMissing, a.insurer.identity, record.TxDispute, id, "payload", "altered", "", "")
	a.refused(record.ErrMalformed, a.insurer.identity, record.TxDispute, id, "payload", "altered", "00", "")
	a.refused(record.ErrMalformed, a.insurer.identity, record.TxDispute, id, "payload", "altered", trailer[0], "")
	refuse := func(want *record.Error, holder *member, spoil func(s *record.TrailerStatement)) {
		t.Helper()
		args := a.trailerArgs(c, holder, spoil)
		a.refused(want, a.insurer.identity, record.TxDispute, id, "payload", "altered", args[0], args[1])
	}
	refuse(record.ErrNotHolder, a.garage, nil)
	refuse(record.ErrNotHolder, a.shop, func(s *record.TrailerStatement) { s.Release[0]++ })
	refuse(record.ErrStaleKeyVersion, a.shop, func(s *record.TrailerStatement) { s.HolderVersion = 2 })
	refuse(record.ErrSignature, a.garage, func(s *record.TrailerStatement) { s.Holder = a.shop.ID })
	a.refused(record.ErrReleaseStatus, a.manager, record.TxResolve, id, "upheld", "not disputed")
	a.refused(record.ErrReleaseUnknown, a.manager, record.TxResolve, record.ReleaseID{1}.String(), "upheld", "reason")
	require.Equal(t, 100, query[record.Standing](a, a.shop.identity, record.TxStanding, a.shop.PID).Credit)
}

func TestDisputeUpheld(t *testing.T) {
	a := newAlliance(t)
	c := a.released()
	id := c.delivery.Statement.Release.String()
	args := a.trailerArgs(c, a.shop, nil)
	a.rotate(a.shop) // must not save it
	a.mustInvoke(a.insurer.identity, record.TxDispute, id, "payload", "digest differs", args[0], args[1])
	a.refused(record.ErrReleaseStatus, a.insurer.identity, record.TxAcknowledge, id)
	a.refused(record.ErrReleaseStatus, a.insurer.identity, record.TxDispute, id, "payload", "again", args[0], args[1])
	a.refused(record.ErrMalformed, a.manager, record.TxResolve, id, "perhaps", "reason")
	a.refused(record.ErrMalformed, a.manager, record.TxResolve, id, "upheld", "")
	a.mustInvoke(a.manager, record.TxResolve, id, "upheld", "bytes compared")
	a.refused(record.ErrReleaseStatus, a.manager, record.TxResolve, id, "dismissed", "second thoughts")

	release := query[record.Release](a, a.shop.identity, record.TxReleaseByID, id)
	require.Equal(t, record.ReleaseUpheld, release.Status)
	require.Equal(t, "digest differs", release.Dispute.Reason)
	require.Equal(t, "bytes compared", release.Dispute.Resolution)
	require.Equal(t, args[0], record.EncodeText(release.Dispute.Trailer.Encode()))
	violations := query[record.Page[record.Violation]](a, a.shop.identity, record.TxViolations, a.shop.PID, "10", "").Items
	require.Len(t, violations, 1)
	require.Equal(t, record.OffenceDelivery, violations[0].Offence)
	require.Equal(t, c.delivery.Statement.Release, violations[0].Release)
	require.Equal(t, 75, query[record.Standing](a, a.shop.identity, record.TxStanding, a.shop.PID).Credit)
}

func TestDisputeDismissed(t *testing.T) {
	a := newAlliance(t)
	c := a.released()
	id := c.delivery.Statement.Release.String()
	a.mustInvoke(a.insurer.identity, record.TxDispute, id, "capsule", "looks odd", "", "")
	a.mustInvoke(a.manager, record.TxResolve, id, "dismissed", "it is the recorded capsule")
	require.Equal(t, record.ReleaseDismissed, query[record.Release](a, a.shop.identity, record.TxReleaseByID, id).Status)
	require.Equal(t, 100, query[record.Standing](a, a.shop.identity, record.TxStanding, a.shop.PID).Credit)
}

// TestMixedViolations: wrong signatures and tampered deliveries count together.
func TestMixedViolations(t *testing.T) {
	a := newAlliance(t)
	c := a.released()
	for i := 0; i < 3; i++ {
		a.submit(a.shop, alliance.Spoiled(a.entry(a.shop, a.owner)))
	}
	id := c.delivery.Statement.Release.String()
	a.mustInvoke(a.insurer.identity, record.TxDispute, id, "capsule", "altered", "", "")
	a.mustInvoke(a.manager, record.TxResolve, id, "upheld", "compared")
	require.Equal(t, record.StatusExpelled, query[record.Standing](a, a.shop.identity, record.TxStanding, a.shop.PID).Status)
}
