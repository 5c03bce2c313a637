package refusal

import (
	"context"
	"errors"
	"strings"
	"unicode"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	"github.com/claimshare/claimshare/chaincode/record"
	"github.com/claimshare/claimshare/client/ledger"
	"github.com/claimshare/claimshare/client/wire/trace"
)

// domain marks the ErrorInfo that are this package's.
const domain = "claimshare"

// Bounds of what is believed of the other side's words.
const (
	maxText    = 512 // bytes
	maxDetails = 8
	textKey    = "text" // in the metadata of an ErrorInfo: a record.Error's message
)

// Error is an error that another node answered with. For errors.Is and
// errors.As it is everything that the other side said it was.
type Error struct {
	Code    codes.Code
	Request string // the request's identifier, to look for in the node's log
	text    string
	causes  []error
}

func (e *Error) Error() string {
	var b strings.Builder
	for i, cause := range e.causes {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(cause.Error())
	}
	if len(e.causes) == 0 {
		b.WriteString(e.Code.String())
		if e.text != "" {
			b.WriteString(": " + e.text)
		}
	}
	if e.Request != "" {
		b.WriteString(" (request " + e.Request + ")")
	}
	return b.String()
}

// Unwrap returns what the error is.
func (e *Error) Unwrap() []error { return e.causes }

// GRPCStatus makes status.Code work.
func (e *Error) GRPCStatus() *status.Status { return status.New(e.Code, e.text) }

// ToStatus is an error as it may cross to another party: nothing of it is told
// but what the table knows. It is nil for nil, and an error of gRPC otherwise.
func ToStatus(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	code, text, details := describe(err)
	if id := trace.ID(ctx); id != "" {
		details = append(details, &errdetails.RequestInfo{RequestId: id})
	}
	s, failed := status.New(code, text).WithDetails(details...)
	if failed != nil {
		return status.Error(code, text)
	}
	return s.Err()
}

func describe(err error) (codes.Code, string, []protoadapt.MessageV1) {
	code, texts, details := codes.OK, []string(nil), []protoadapt.MessageV1(nil)
	add := func(c codes.Code, reason, text string, more map[string]string) {
		if code == codes.OK {
			code = c
		}
		if len(details) < maxDetails {
			texts = append(texts, text)
			details = append(details, &errdetails.ErrorInfo{Domain: domain, Reason: reason, Metadata: more})
		}
	}
	var refusal *record.Error
	if errors.As(err, &refusal) {
		c, listed := recordCodes[refusal.Code]
		if !listed {
			c = codes.FailedPrecondition
		}
		message := clean(refusal.Message)
		add(c, string(refusal.Code), string(refusal.Code)+": "+message, map[string]string{textKey: message})
	}
	for _, r := range rows {
		if errors.Is(err, r.err) {
			add(r.code, r.reason, r.err.Error(), nil)
		}
	}
	if code == codes.OK {
		own := ErrInternal
		var unreachable *ledger.Error
		if errors.As(err, &unreachable) || errors.Is(err, ledger.ErrClosed) {
			own = ErrLedger
		}
		r := rowOf(own)
		add(r.code, r.reason, r.err.Error(), nil)
	}
	return code, strings.Join(texts, "; "), details
}

func rowOf(err error) row {
	for _, r := range rows {
		if r.err == err { //nolint:errorlint // the very sentinel
			return r
		}
	}
	return row{"NODE_INTERNAL", codes.Internal, ErrInternal}
}

// FromStatus is what the other side answered with, as [*Error]. Its text is
// bounded and has no control characters: it ends up in logs and on terminals.
// Whatever did not come from gRPC is returned as it is.
func FromStatus(err error) error {
	if err == nil {
		return nil
	}
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	e := &Error{Code: s.Code(), text: clean(s.Message())}
	for i, detail := range s.Details() {
		if i > maxDetails {
			break
		}
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			if cause := decode(d); cause != nil {
				e.causes = append(e.causes, cause)
			}
		case *errdetails.RequestInfo:
			e.Request = clean(d.GetRequestId())
		}
	}
	if len(e.causes) == 0 {
		e.causes = ofCode(e)
	}
	return e
}

// ofCode is for statuses that gRPC itself makes.
func ofCode(e *Error) []error {
	switch e.Code {
	case codes.Canceled:
		return []error{context.Canceled}
	case codes.DeadlineExceeded:
		return []error{context.DeadlineExceeded}
	}
	return nil
}

func decode(d *errdetails.ErrorInfo) error {
	if d.GetDomain() != domain {
		return nil
	}
	for _, r := range rows {
		if r.reason == d.GetReason() {
			return r.err
		}
	}
	for _, known := range record.Codes() {
		if string(known.Code) == d.GetReason() {
			message := clean(d.GetMetadata()[textKey])
			if message == "" {
				message = known.Message
			}
			return &record.Error{Code: known.Code, Message: message}
		}
	}
	return nil
}

// clean makes another's words fit to be shown and logged on one line.
func clean(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
