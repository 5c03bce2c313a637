package walletauth

import "github.com/claimshare/claimshare/client/wire/refusal"

// Why a call is not let in. The errors cross the connection and come back as the
// same ones, through package refusal on both sides.
var (
	ErrNoProof      = refusal.ErrWalletProof
	ErrTime         = refusal.ErrWalletTime
	ErrNonce        = refusal.ErrWalletNonce
	ErrNonceOwner   = refusal.ErrWalletNonceOwner
	ErrNonceExpired = refusal.ErrWalletNonceExpired
	ErrNonceUsed    = refusal.ErrWalletNonceUsed
	ErrSignature    = refusal.ErrWalletSignature
	ErrUnknown      = refusal.ErrWalletUnknown
	ErrSuspended    = refusal.ErrWalletSuspended
	ErrExpelled     = refusal.ErrWalletExpelled
	ErrBusy         = refusal.ErrBusy
)
