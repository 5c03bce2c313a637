package evaluation

import "fmt"

// Check is a statement of section 5 and what the paper's own numbers give.
type Check struct {
	Says  string
	Gives string
	Holds bool
}

// Checks goes through the statements of section 5 with the published formulas,
// operation times and sizes.
func Checks() []Check {
	a, b, ours := Schemes[0], Schemes[1], Schemes[2]
	var list []Check
	for _, s := range Schemes {
		for i, c := range s.Costs {
			got := c.Time(PublishedUnits)
			list = append(list, Check{
				Says:  fmt.Sprintf("table 2, %s, %s: %s = %.2f ms", s.Name, Stages[i], c, s.PublishedMs[i]),
				Gives: fmt.Sprintf("%.2f ms", got),
				Holds: fmt.Sprintf("%.2f", got) == fmt.Sprintf("%.2f", s.PublishedMs[i]),
			})
		}
	}
	ms := func(s Scheme, stage int) float64 { return s.Costs[stage].Time(PublishedUnits) }
	for i, claim := range [4]string{
		"the paper's encryption takes less time than the other two",
		"the paper's decryption takes less time than the other two",
		"the paper's re-encryption takes more time than the other two",
		"the paper's re-decryption takes more time than the other two",
	} {
		o, x, y := ms(ours, i), ms(a, i), ms(b, i)
		holds := o < x && o < y
		if i >= 2 {
			holds = o > x && o > y
		}
		list = append(list, Check{claim, fmt.Sprintf("%.2f ms; [22] %.2f, [23] %.2f", o, x, y), holds})
	}
	ta, tb, to := a.Total().Time(PublishedUnits), b.Total().Time(PublishedUnits), ours.Total().Time(PublishedUnits)
	list = append(list,
		Check{"the paper's total time is 7% below [23]", fmt.Sprintf("%.1f%% (%.2f and %.2f ms)", 100*(1-to/tb), to, tb), percent(1-to/tb) == 7},
		Check{"the paper performs better than both (section 6): its total time is below [22]", fmt.Sprintf("%.1f%% above (%.2f and %.2f ms)", 100*(to/ta-1), to, ta), to < ta},
	)
	for _, s := range Schemes {
		got := s.Traffic.Bytes(1, PublishedElements)
		list = append(list, Check{
			fmt.Sprintf("table 3, %s, one user: %d bytes", s.Name, s.PublishedBytes), fmt.Sprintf("%d bytes", got), got == s.PublishedBytes,
		})
	}
	bytes := func(s Scheme, n int) int { return s.Traffic.Bytes(n, PublishedElements) }
	saved := 1 - float64(bytes(ours, 1))/float64(bytes(a, 1))
	list = append(list,
		Check{"the paper's communication cost is 10% below [22]", fmt.Sprintf("%.1f%% for one user; from %d users on it is above [22]", 100*saved, overtakes(ours, a)), percent(saved) == 10},
		Check{"[23] sends less than the paper only for a single user", fmt.Sprintf("up to %d users", overtakes(b, ours)-1), overtakes(b, ours) == 2},
		Check{"figure 7: the cost of [22] does not depend on n", fmt.Sprintf("%d bytes for 1 user, %d for 20", bytes(a, 1), bytes(a, 20)), bytes(a, 1) == bytes(a, 20)},
		Check{"figure 7: [23] is the highest", fmt.Sprintf("from %d users on; for one user it is the lowest", max(overtakes(b, ours), overtakes(b, a))), bytes(b, 1) > bytes(a, 1) && bytes(b, 1) > bytes(ours, 1)},
		Check{"figure 6: [22] and the paper grow much more slowly than [23]", fmt.Sprintf("by table 2, %.2f and %.2f against %.2f ms a user: [23] is %.2f times the paper", ta, to, tb, tb/to), tb > 2*to},
	)
	return list
}

// overtakes is the smallest number of users for which a sends more than b.
func overtakes(a, b Scheme) int {
	n := 1
	for a.Traffic.Bytes(n, PublishedElements) <= b.Traffic.Bytes(n, PublishedElements) {
		n++
	}
	return n
}

func percent(f float64) int { return int(100*f + 0.5) }
