package contract

import (
	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
)

// credit is what violations have cost. It is counted from the violations, not
// kept in a counter: a counter would be read and written by every submission.
type credit struct{ contract }

// violate commits a violation of a party; the fourth expels it.
func (c *Context) violate(party *record.Party, v *record.Violation) (record.Standing, error) {
	v.Party, v.Time, v.Tx = party.ID, c.now, c.tx
	before, err := c.countViolations(party.ID)
	if err != nil {
		return record.Standing{}, err
	}
	key, err := shim.CreateCompositeKey(record.ViolationKeys, []string{record.KeyPart(party.ID[:]), sortable(v.Time), record.KeyPart(v.Tx[:])})
	if err != nil {
		return record.Standing{}, internal("violation key", err)
	}
	if err := c.put(key, v); err != nil {
		return record.Standing{}, err
	}
	c.changed(record.DocumentViolation, "committed", party.ID.String())
	if before+1 >= record.ExpelAt && party.Status != record.StatusExpelled {
		if err := c.setStatus(party, record.StatusExpelled, "too many violations", "expelled"); err != nil {
			return record.Standing{}, err
		}
	}
	return standing(party, before+1), nil
}

func (c *Context) countViolations(id record.PartyID) (int, error) {
	rows, err := c.GetStub().GetStateByPartialCompositeKey(record.ViolationKeys, []string{record.KeyPart(id[:])})
	if err != nil {
		return 0, internal("query", err)
	}
	list, err := drain(rows)
	return len(list), err
}

func standing(party *record.Party, violations int) record.Standing {
	return record.Standing{
		Party: party.ID, Role: party.Role, Status: party.Status, Violations: violations, Credit: record.Credit(violations),
	}
}

// Standing answers with a party's credit and status.
func (*credit) Standing(c *Context, party string) (string, error) {
	p, err := c.namedParty(party)
	if err != nil {
		return "", err
	}
	count, err := c.countViolations(p.ID)
	if err != nil {
		return "", err
	}
	return c.done(standing(p, count))
}

// Violations answers with a page of a party's violations.
func (*credit) Violations(c *Context, party, pageSize, bookmark string) (string, error) {
	id, err := partyArgument(party)
	if err != nil {
		return "", err
	}
	p, err := parsePage(pageSize, bookmark)
	if err != nil {
		return "", err
	}
	rows, next, err := c.compositePage(p, record.ViolationKeys, record.KeyPart(id[:]))
	if err != nil {
		return "", err
	}
	page := record.Page[*record.Violation]{Items: make([]*record.Violation, len(rows)), Bookmark: next}
	for i, row := range rows {
		if page.Items[i], err = decodeState(row.key, row.value, record.DecodeViolation); err != nil {
			return "", err
		}
	}
	return c.done(page)
}

// Standings answers with the standing of a page of parties.
func (*credit) Standings(c *Context, pageSize, bookmark string) (string, error) {
	p, err := parsePage(pageSize, bookmark)
	if err != nil {
		return "", err
	}
	parties, next, err := c.partyPage(p)
	if err != nil {
		return "", err
	}
	page := record.Page[record.Standing]{Items: make([]record.Standing, len(parties)), Bookmark: next}
	for i, party := range parties {
		count, err := c.countViolations(party.ID)
		if err != nil {
			return "", err
		}
		page.Items[i] = standing(party, count)
	}
	return c.done(page)
}
