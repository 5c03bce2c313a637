package stub

import (
	"errors"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
)

// ErrUnsupported is the answer of what this ledger leaves out.
var ErrUnsupported = errors.New("stub: not supported by the in-memory ledger")

func (s *simulation) SetStateValidationParameter(string, []byte) error { return ErrUnsupported }

func (s *simulation) GetStateValidationParameter(string) ([]byte, error) { return nil, ErrUnsupported }

func (s *simulation) GetQueryResult(string) (shim.StateQueryIteratorInterface, error) {
	return nil, ErrUnsupported
}

func (s *simulation) GetQueryResultWithPagination(string, int32, string) (shim.StateQueryIteratorInterface, *peer.QueryResponseMetadata, error) {
	return nil, nil, ErrUnsupported
}

func (s *simulation) SetPrivateDataValidationParameter(string, string, []byte) error {
	return ErrUnsupported
}

func (s *simulation) GetPrivateDataValidationParameter(string, string) ([]byte, error) {
	return nil, ErrUnsupported
}

func (s *simulation) GetPrivateDataQueryResult(string, string) (shim.StateQueryIteratorInterface, error) {
	return nil, ErrUnsupported
}
