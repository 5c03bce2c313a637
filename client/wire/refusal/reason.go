package refusal

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Reason is the name under which an error crosses, or would: the chaincode's
// code, or that of a sentinel. It is "" for nil, and one of a bounded number of
// names in any case.
func Reason(err error) string {
	if err == nil {
		return ""
	}
	_, _, details := describe(err)
	for _, d := range details {
		if info, is := d.(*errdetails.ErrorInfo); is {
			return info.GetReason()
		}
	}
	return rowOf(ErrInternal).reason
}

// Full is an error with all of its text, for the organisation itself, and with
// the names under which it would cross to others.
func Full(err error) error {
	_, _, details := describe(err)
	s, failed := status.New(codes.Unknown, err.Error()).WithDetails(details...)
	if failed != nil {
		return status.Error(codes.Unknown, err.Error())
	}
	return s.Err()
}
