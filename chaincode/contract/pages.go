package contract

import (
	"encoding/base64"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
)

// pageRequest is which rows of a list are wanted.
type pageRequest struct {
	size     int32
	bookmark string // a state key, or empty
}

func parsePage(pageSize, bookmark string) (pageRequest, error) {
	size, err := strconv.Atoi(pageSize)
	if err != nil || size < 1 || size > record.MaxPage || strconv.Itoa(size) != pageSize {
		return pageRequest{}, record.ErrPage.With("the page size is %q", pageSize)
	}
	key, err := base64.RawURLEncoding.Strict().DecodeString(bookmark)
	if err != nil || !utf8.Valid(key) {
		return pageRequest{}, record.ErrPage.With("the bookmark is not one of this ledger's")
	}
	return pageRequest{int32(size), string(key)}, nil
}

// within refuses a bookmark outside the list: a peer would start there and
// answer with rows of other lists.
func (p pageRequest) within(prefix string) error {
	if p.bookmark != "" && !strings.HasPrefix(p.bookmark, prefix) {
		return record.ErrPage.With("the bookmark belongs to another list")
	}
	return nil
}

func bookmarkText(key string) string { return base64.RawURLEncoding.EncodeToString([]byte(key)) }

type keyValue struct {
	key   string
	value []byte
}

func drain(rows shim.StateQueryIteratorInterface) (list []keyValue, err error) {
	defer func() {
		if closeErr := rows.Close(); err == nil && closeErr != nil {
			err = internal("close query", closeErr)
		}
	}()
	for rows.HasNext() {
		row, err := rows.Next()
		if err != nil {
			return nil, internal("query", err)
		}
		list = append(list, keyValue{row.GetKey(), row.GetValue()})
	}
	return list, nil
}

// compositePage reads one page of the composite keys under a prefix.
func (c *Context) compositePage(p pageRequest, index string, attributes ...string) ([]keyValue, string, error) {
	prefix, err := shim.CreateCompositeKey(index, attributes)
	if err != nil {
		return nil, "", internal("index key", err)
	}
	if err := p.within(prefix); err != nil {
		return nil, "", err
	}
	rows, metadata, err := c.GetStub().GetStateByPartialCompositeKeyWithPagination(index, attributes, p.size, p.bookmark)
	if err != nil {
		return nil, "", internal("query", err)
	}
	list, err := drain(rows)
	return list, bookmarkText(metadata.GetBookmark()), err
}

// afterParties is the first key behind those of parties.
const afterParties = "q"

// partyPage reads one page of the parties.
func (c *Context) partyPage(p pageRequest) ([]*record.Party, string, error) {
	if err := p.within(record.PartyPrefix); err != nil {
		return nil, "", err
	}
	rows, metadata, err := c.GetStub().GetStateByRangeWithPagination(record.PartyPrefix, afterParties, p.size, p.bookmark)
	if err != nil {
		return nil, "", internal("query", err)
	}
	list, err := drain(rows)
	if err != nil {
		return nil, "", err
	}
	parties := make([]*record.Party, len(list))
	for i, row := range list {
		if parties[i], err = decodeState(row.key, row.value, record.DecodeParty); err != nil {
			return nil, "", err
		}
	}
	return parties, bookmarkText(metadata.GetBookmark()), nil
}

// listDocuments answers with the documents that one page of an index names.
func listDocuments[T any](c *Context, pageSize, bookmark, prefix string, decode func([]byte) (*T, error), index string, attributes ...string) (string, error) {
	page, err := documentPage(c, pageSize, bookmark, prefix, decode, index, attributes...)
	if err != nil {
		return "", err
	}
	return c.done(page)
}

// documentPage reads the documents that one page of an index names. The key of a
// document is prefix and the last attribute.
func documentPage[T any](c *Context, pageSize, bookmark, prefix string, decode func([]byte) (*T, error), index string, attributes ...string) (*record.Page[*T], error) {
	p, err := parsePage(pageSize, bookmark)
	if err != nil {
		return nil, err
	}
	rows, next, err := c.compositePage(p, index, attributes...)
	if err != nil {
		return nil, err
	}
	keys := make([]string, len(rows))
	for i, row := range rows {
		_, parts, err := c.GetStub().SplitCompositeKey(row.key)
		if err != nil || len(parts) == 0 {
			return nil, internal("index key", err)
		}
		keys[i] = prefix + parts[len(parts)-1]
	}
	documents, err := loadAll(c, keys, decode)
	if err != nil {
		return nil, err
	}
	page := &record.Page[*T]{Items: make([]*T, 0, len(documents)), Bookmark: next}
	for i, document := range documents {
		if document == nil {
			return nil, record.ErrInternal.With("an index names %s, which is not there", keys[i])
		}
		page.Items = append(page.Items, document)
	}
	return page, nil
}

// listOf is listDocuments for an index that starts with a party.
func listOf[T any](c *Context, party, pageSize, bookmark, prefix string, decode func([]byte) (*T, error), index string) (string, error) {
	id, err := partyArgument(party)
	if err != nil {
		return "", err
	}
	return listDocuments(c, pageSize, bookmark, prefix, decode, index, record.KeyPart(id[:]))
}
