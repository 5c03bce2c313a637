package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/claimshare/claimshare/client/store"
)

// SQLSTATE codes, as every server of this protocol has them.
const (
	uniqueViolation      = "23505"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	schemaError          = "42"    // and which
	internalError        = "XX000" // "tuple concurrently updated"
	diskFull             = "53100"
	tooManyConnections   = "53300"
	shutdown             = "57P0" // and what was shut down
	connectionException  = "08"   // and which
	notAuthorised        = "28"   // and why: 28P01 is a wrong password
	noDatabase           = "3D000"
)

// ErrLogin says that there is a server, and that it does not let this user into
// this database: the password is wrong, or one of them does not exist.
var ErrLogin = errors.New("the database's server lets nobody in with this user, password and database")

// state is the SQLSTATE of the server's answer, "" if it is something else.
func state(err error) string {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return answer.Code
	}
	return ""
}

func duplicate(err error) bool { return state(err) == uniqueViolation }

// again says that a transaction lost against another one.
func again(err error) bool {
	code := state(err)
	return code == serializationFailure || code == deadlockDetected
}

// raced says that a change of the schema found something changed already: a
// table that is there or is not, or another process's row in the way.
func raced(err error) bool {
	return again(err) || duplicate(err) || strings.HasPrefix(state(err), schemaError) || state(err) == internalError
}

// unavailable says that there is no server, or no more.
func unavailable(err error) bool {
	if code := state(err); code != "" {
		return strings.HasPrefix(code, shutdown) || strings.HasPrefix(code, connectionException) || code == tooManyConnections
	}
	if errors.Is(err, context.Canceled) {
		return false
	}
	var (
		connect *pgconn.ConnectError
		network *net.OpError
	)
	if errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) {
		return true
	}
	for _, broken := range []error{driver.ErrBadConn, sql.ErrConnDone, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, broken) {
			return true
		}
	}
	return false
}

// name wraps an error in the one that package store has for it.
func name(err error) error {
	switch {
	case state(err) == diskFull:
		return fmt.Errorf("%w (the server's disk): %w", store.ErrFull, err)
	case unavailable(err) && !errors.Is(err, store.ErrUnavailable):
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	case turnedAway(err) && !errors.Is(err, ErrLogin):
		return fmt.Errorf("%w: %w", ErrLogin, err)
	}
	return err
}

// turnedAway says that the server does not let this user into this database.
func turnedAway(err error) bool {
	code := state(err)
	return strings.HasPrefix(code, notAuthorised) || code == noDatabase
}
