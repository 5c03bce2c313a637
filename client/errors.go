package client

import "errors"

// What one party can find wrong in what another handed it.
var (
	// ErrSystem: the ledger's system parameters are not the expected ones.
	ErrSystem = errors.New("client: the ledger belongs to another system")
	// ErrBehind: this identity's peer has not got a block that another party
	// has seen, and does not catch up.
	ErrBehind = errors.New("client: the peer is behind the ledger")
	// ErrAnswer: a peer's answer is not a document of the ledger, or is about
	// something else than was asked for.
	ErrAnswer = errors.New("client: the peer's answer is not what was asked for")
	// ErrNotOurs: a proposal, request or consent concerns another party.
	ErrNotOurs = errors.New("client: this concerns another party")
	// ErrStatement: a statement does not say what it should.
	ErrStatement = errors.New("client: the statement does not match what was handed over")
	// ErrSignature: a signature on a record, consent or delivery is wrong.
	ErrSignature = errors.New("client: a signature does not verify")
	// ErrEvidence: δ does not open the policy's commitment on the ledger.
	ErrEvidence = errors.New("client: the evidence does not open the policy's commitment")
	// ErrNothingFound: the search test recognised no record of the owner.
	ErrNothingFound = errors.New("client: the search found no such record at the holder")
	// ErrRequester: a consent is for another party than the one that asks.
	ErrRequester = errors.New("client: the consent is for another requester")
	// ErrTampered: a holder's capsule is not the one on the ledger.
	ErrTampered = errors.New("client: the holder's capsule is not what owner and issuer signed")
	// ErrFormerKey: a record has stayed behind when its owner's keys were
	// rotated; the owner has to bring it along before it can be shared.
	ErrFormerKey = errors.New("client: the record is still under a former key of its owner, who has to bring it along")
	// ErrDelivery: a delivery answers another order than the one given.
	ErrDelivery = errors.New("client: the delivery does not answer the order")
	// ErrTrailer: the trailer of a payload stream is not the holder's word on
	// the bytes received.
	ErrTrailer = errors.New("client: the trailer does not match the payload received")
	// ErrMode: keys of the two modes were mixed.
	ErrMode = errors.New("client: scoped and paper-mode keys cannot be mixed")
	// ErrKeys: a party's keys are not those that the ledger lists.
	ErrKeys = errors.New("client: the keys are not those that the ledger lists for this party")
)
