package contract

import (
	"github.com/claimshare/claimshare/chaincode/record"
)

// records is what was issued to whom.
type records struct{ contract }

// SubmitRecords records the first versions that the transient batch holds.
func (*records) SubmitRecords(c *Context, batchDigest string) (string, error) {
	return c.submit(batchDigest, (*submission).checkFirst)
}

// Amend records new versions of records.
func (*records) Amend(c *Context, batchDigest string) (string, error) {
	return c.submit(batchDigest, (*submission).checkAmendment)
}

// Record answers with the current version of a record.
func (*records) Record(c *Context, id string) (string, error) {
	rec, err := c.namedRecord(id)
	if err != nil {
		return "", err
	}
	return c.done(rec)
}

func (c *Context) namedRecord(name string) (*record.Record, error) {
	id, err := record.ParseRecordID(name)
	if err != nil {
		return nil, err
	}
	return c.record(id)
}

// record loads the current version of a record that must exist.
func (c *Context) record(id record.RecordID) (*record.Record, error) {
	rec, err := load(c, record.RecordKey(id), record.DecodeRecord)
	if err == nil && rec == nil {
		err = record.ErrRecordUnknown.With("there is no record %s", id)
	}
	return rec, err
}

// recordVersion loads one version of a record, the current or an amended one.
func (c *Context) recordVersion(v record.RecordVersion) (*record.Record, error) {
	rec, err := c.record(v.ID)
	if err != nil {
		return nil, err
	}
	return c.versionOf(rec, v)
}

// versionOf is the record's current version that is given, or an amended one.
func (c *Context) versionOf(rec *record.Record, v record.RecordVersion) (*record.Record, error) {
	if rec.Digest == v.Digest {
		return rec, nil
	}
	rec, err := load(c, record.VersionKey(v), record.DecodeRecord)
	if err == nil && rec == nil {
		err = record.ErrRecordUnknown.With("record %s has no version with digest %s", v.ID, v.Digest)
	}
	return rec, err
}

// RecordVersion answers with one version of a record.
func (*records) RecordVersion(c *Context, id, digest string) (string, error) {
	v, err := namedVersion(id, digest)
	if err != nil {
		return "", err
	}
	rec, err := c.recordVersion(v)
	if err != nil {
		return "", err
	}
	return c.done(rec)
}

func namedVersion(name, digest string) (v record.RecordVersion, err error) {
	if v.ID, err = record.ParseRecordID(name); err != nil {
		return v, err
	}
	v.Digest, err = record.ParseDigest(digest)
	return v, err
}

// RecordHistory answers with a page of a record's versions, newest first.
func (*records) RecordHistory(c *Context, id, pageSize, bookmark string) (string, error) {
	p, err := parsePage(pageSize, "")
	if err != nil {
		return "", err
	}
	rec, err := c.namedRecord(id)
	if err != nil {
		return "", err
	}
	if bookmark != "" {
		v, err := namedVersion(id, bookmark)
		if err != nil {
			return "", record.ErrPage.With("the bookmark is not a digest")
		}
		if rec, err = c.recordVersion(v); err != nil {
			return "", err
		}
	}
	page := record.Page[*record.Record]{Items: []*record.Record{rec}}
	for !rec.Previous.IsZero() {
		if len(page.Items) == int(p.size) {
			page.Bookmark = rec.Previous.String()
			break
		}
		earlier := record.RecordVersion{ID: rec.ID, Digest: rec.Previous}
		if rec, err = load(c, record.VersionKey(earlier), record.DecodeRecord); err != nil {
			return "", err
		}
		if rec == nil {
			return "", record.ErrInternal.With("version %s of record %s is missing", earlier.Digest, earlier.ID)
		}
		page.Items = append(page.Items, rec)
	}
	return c.done(page)
}

// RecordsByOwner answers with a page of an owner's records.
func (*records) RecordsByOwner(c *Context, party, pageSize, bookmark string) (string, error) {
	return listOf(c, party, pageSize, bookmark, record.RecordPrefix, record.DecodeRecord, indexRecordOwner)
}

// RecordsByIssuer answers with a page of an issuer's records.
func (*records) RecordsByIssuer(c *Context, party, pageSize, bookmark string) (string, error) {
	return listOf(c, party, pageSize, bookmark, record.RecordPrefix, record.DecodeRecord, indexRecordIssuer)
}
