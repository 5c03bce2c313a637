package record

// The credit rule of the paper: a party starts with 100, each violation costs
// 25, and the fourth ("more than three times") expels.
const (
	CreditInitial = 100
	CreditPenalty = 25
	ExpelAt       = 4
)

// Credit is what is left after a number of violations, never below zero.
func Credit(violations int) int {
	if violations >= CreditInitial/CreditPenalty {
		return 0
	}
	return CreditInitial - CreditPenalty*violations
}

// Standing is a party's credit as credit:Standing answers it.
type Standing struct {
	Party      PartyID `json:"party"`
	Role       Role    `json:"role"`
	Status     Status  `json:"status"`
	Violations int     `json:"violations"`
	Credit     int     `json:"credit"`
}
