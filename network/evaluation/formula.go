package evaluation

import (
	"fmt"
	"strings"
)

// Units are the times of the three operations that the paper counts, in ms.
type Units struct {
	M float64 // multiplication: a point of G1 times a scalar
	E float64 // exponentiation in a finite field
	P float64 // pairing
}

// PublishedUnits are the paper's, taken there from its reference [25].
var PublishedUnits = Units{M: 2.38, E: 5.31, P: 20.04}

// Cost is how often an algorithm does each operation.
type Cost struct{ M, E, P int }

// Time is the cost in ms.
func (c Cost) Time(u Units) float64 {
	return float64(c.M)*u.M + float64(c.E)*u.E + float64(c.P)*u.P
}

// Add is the cost of both.
func (c Cost) Add(d Cost) Cost { return Cost{c.M + d.M, c.E + d.E, c.P + d.P} }

// String is as the paper prints it: "2M + 1E + 2P".
func (c Cost) String() string {
	return sum([]term{{c.M, "M"}, {c.E, "E"}, {c.P, "P"}})
}

type term struct {
	count int
	what  string
}

func sum(terms []term) string {
	var parts []string
	for _, t := range terms {
		if t.count != 0 {
			parts = append(parts, fmt.Sprintf("%d%s", t.count, t.what))
		}
	}
	return strings.Join(parts, " + ")
}

// Elements are sizes in bytes of what the paper counts in messages.
type Elements struct{ G1, Zp, X, ID, K, L int }

// PublishedElements are the paper's: 65 bytes are 520 bits, 128 are 1024.
var PublishedElements = Elements{G1: 65, Zp: 128, X: 20, ID: 1, K: 64, L: 64}

// Traffic is how many elements of each kind are sent, for n users.
type Traffic struct {
	G1, G1PerUser int
	Zp, ZpPerUser int
	X, ID, K, L   int
}

// Bytes is the traffic of n users.
func (t Traffic) Bytes(n int, e Elements) int {
	return (t.G1+n*t.G1PerUser)*e.G1 + (t.Zp+n*t.ZpPerUser)*e.Zp + t.X*e.X + t.ID*e.ID + t.K*e.K + t.L*e.L
}

// String is as the paper prints it: "(n+5)|G1| + 5|Zp| + …".
func (t Traffic) String() string {
	count := func(fixed, perUser int, what string) string {
		if perUser == 0 {
			return fmt.Sprintf("%d|%s|", fixed, what)
		}
		return fmt.Sprintf("(n+%d)|%s|", fixed, what)
	}
	return count(t.G1, t.G1PerUser, "G1") + " + " + count(t.Zp, t.ZpPerUser, "Zp") + " + " +
		sum([]term{{t.X, "|x|"}, {t.ID, "|ID|"}, {t.K, "k"}, {t.L, "l"}})
}

// Stages are the columns of table 2.
var Stages = [4]string{"Encrypt", "Decrypt", "Reencrypt", "Redecrypt"}

// Scheme is one row of tables 2 and 3, with the numbers that the paper prints.
type Scheme struct {
	Name           string
	Costs          [4]Cost
	PublishedMs    [4]float64
	Traffic        Traffic
	PublishedBytes int // for one user
}

// Schemes are the rows of tables 2 and 3. The paper calls its own "Ours".
var Schemes = [3]Scheme{
	{
		Name:           "[22]",
		Costs:          [4]Cost{{2, 1, 2}, {1, 0, 3}, {0, 0, 1}, {1, 0, 4}},
		PublishedMs:    [4]float64{50.87, 62.50, 20.04, 82.54},
		Traffic:        Traffic{G1: 8, Zp: 4, X: 1, ID: 1, K: 3, L: 2},
		PublishedBytes: 1373,
	},
	{
		Name:           "[23]",
		Costs:          [4]Cost{{2, 0, 3}, {1, 0, 4}, {0, 0, 1}, {1, 0, 5}},
		PublishedMs:    [4]float64{64.88, 82.54, 20.04, 102.58},
		Traffic:        Traffic{G1: 3, G1PerUser: 1, Zp: 2, ZpPerUser: 1, X: 1, ID: 4, K: 2, L: 2},
		PublishedBytes: 924,
	},
	{
		Name:           "Paper",
		Costs:          [4]Cost{{3, 0, 2}, {1, 0, 3}, {0, 0, 2}, {1, 0, 5}},
		PublishedMs:    [4]float64{47.22, 62.50, 40.08, 102.58},
		Traffic:        Traffic{G1: 5, G1PerUser: 1, Zp: 5, X: 1, ID: 2, K: 2, L: 1},
		PublishedBytes: 1244,
	},
}

// Total is the cost of the four stages. Figure 6 has no published formula; ours
// is n times this.
func (s Scheme) Total() Cost {
	var c Cost
	for _, stage := range s.Costs {
		c = c.Add(stage)
	}
	return c
}

// Counted is what we count in the equations of section 3, which table 2 is
// about and does not agree with.
var Counted = [4]struct {
	Stage, Where string
	Cost         Cost
	Note         string
}{
	{"Encrypt", "3.4 (5)", Cost{4, 2, 2}, "g_1^r, PK^r, u^h and (u^h v d)^r; U and K are powers in the target group; e(Y, g_2) and e(g, g) never change, without them it is 4M + 2E"},
	{"Reencrypt", "3.6 (3)", Cost{2, 0, 2}, "u^h, C_2^rk and the check"},
	{"Search", "3.6 (5)", Cost{3, 0, 3}, "u^h, U_1^x, U_α^x, the check and e(C_2, U_α^x); table 2 leaves it out"},
	{"Redecrypt", "3.6 (6)", Cost{0, 1, 1}, "e(C'_2, g)^(1/x_i); with the check of step (3) before it, 1M + 1E + 3P"},
}
