package contract_test

import (
	"testing"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/stretchr/testify/require"
)

// TestClaim is the main flow: policy, repair, request, grant, approval,
// release, acknowledgement, and what the policyholder sees of it.
func TestClaim(t *testing.T) {
	a := newAlliance(t)
	policy, repair := a.recorded(a.insurer, a.owner), a.recorded(a.shop, a.owner)

	request := a.request()
	a.mustInvoke(a.insurer.identity, record.TxRequestAccess, record.EncodeText(request.Encode()))
	grant := a.grant(policy.Statement.ID)
	grant.Request = request.ID
	a.advance(60)
	a.mustInvoke(a.garage.identity, record.TxGrant, a.grantArgs(grant, a.owner)...) // any member carries it
	a.mustInvoke(a.manager, record.TxApprove, grant.Consent.String())
	delivery := a.delivery(grant, repair, a.shop, a.proxy)
	tx := a.mustInvoke(a.proxy.identity, record.TxRelease, releaseArg(delivery))
	id := delivery.Statement.Release.String()
	a.mustInvoke(a.insurer.identity, record.TxAcknowledge, id)

	owner := a.owner.ID.String()
	requests := query[record.Page[record.Request]](a, a.shop.identity, record.TxRequestsByOwner, owner, "10", "")
	require.Len(t, requests.Items, 1)
	require.Equal(t, a.insurer.ID, requests.Items[0].Requester)
	consents := query[record.Page[record.Consent]](a, a.shop.identity, record.TxConsentsByOwner, owner, "10", "")
	require.Len(t, consents.Items, 1)
	require.Equal(t, record.ConsentApproved, consents.Items[0].Status)
	releases := query[record.Page[record.Release]](a, a.shop.identity, record.TxReleasesByOwner, owner, "10", "")
	require.Len(t, releases.Items, 1)
	require.Equal(t, record.ReleaseAcknowledged, releases.Items[0].Status)
	require.Equal(t, tx.ID, releases.Items[0].Tx.String())
	require.Equal(t, a.now(), releases.Items[0].Time)
	require.Equal(t, a.insurer.ID, releases.Items[0].Receiver)

	events := a.ledger.Events()
	require.Equal(t, record.EventName, events[len(events)-1].GetEventName())
	require.JSONEq(t, `{"version":1,"changes":[{"document":"release","change":"acknowledged","ids":["`+id+`"]}]}`, string(events[len(events)-1].GetPayload()))
}
