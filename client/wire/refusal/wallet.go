package refusal

import "errors"

// Why a call of a wallet was not let in (package walletauth).
var (
	// ErrWalletProof: the call carries no proof, or what it carries is none.
	ErrWalletProof = errors.New("node: the call carries no proof of its wallet")
	// ErrWalletTime: the proof was made more than a minute ago, or ahead of time.
	ErrWalletTime = errors.New("node: the clocks of wallet and node differ by more than a minute")
	// ErrWalletNonce: this node did not give out the nonce: another one did, or
	// this one before it was started again.
	ErrWalletNonce = errors.New("node: the nonce is not this node's")
	// ErrWalletNonceOwner: the nonce was given to another wallet.
	ErrWalletNonceOwner = errors.New("node: the nonce was given to another wallet")
	// ErrWalletNonceExpired: the nonce is older than a minute.
	ErrWalletNonceExpired = errors.New("node: the nonce has expired")
	// ErrWalletNonceUsed: the nonce was used before: the call is a repetition.
	ErrWalletNonceUsed = errors.New("node: the nonce was used already")
	// ErrWalletSignature: the signature is not the owner's, with its present key,
	// under this call: its method, its request, this node.
	ErrWalletSignature = errors.New("node: the signature under the call is not the wallet's present one")
	// ErrWalletUnknown: the ledger knows no such policyholder.
	ErrWalletUnknown = errors.New("node: the ledger knows no such policyholder")
	// ErrWalletSuspended: the policyholder is suspended.
	ErrWalletSuspended = errors.New("node: the policyholder is suspended")
	// ErrWalletExpelled: the policyholder was expelled.
	ErrWalletExpelled = errors.New("node: the policyholder was expelled")
	// ErrWalletCode: there is no such one-time code, or it is for something else,
	// has expired or was used. Which of these, nobody is told.
	ErrWalletCode = errors.New("node: the one-time code is unknown, used or expired")
)
