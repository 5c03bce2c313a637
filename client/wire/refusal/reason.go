package refusal

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
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
