package evaluation

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/template"
)

// Users is the largest n of figures 6 and 7.
const Users = 20

// row is one scheme as this machine and BN254 have it.
type row struct {
	Name  string
	Costs []string // a formula for each stage, or "measured"
	Ms    [4]float64
	Bytes func(n int) int
}

// Total is the time of the four stages.
func (r row) Total() float64 { return r.Ms[0] + r.Ms[1] + r.Ms[2] + r.Ms[3] }

const (
	scopedName = "ClaimShare"
	paperName  = "ClaimShare, paper mode"
)

// own are the three schemes by their formulas with what was measured here, and
// ClaimShare measured itself.
func own(m *Measurements, messages []Message) ([]row, error) {
	u, err := m.units()
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, s := range Schemes {
		r := row{Name: s.Name, Bytes: func(n int) int { return s.Traffic.Bytes(n, OwnElements) }}
		for i, c := range s.Costs {
			r.Costs = append(r.Costs, c.String())
			r.Ms[i] = c.Time(u)
		}
		rows = append(rows, r)
	}
	scopedBytes, paperBytes := 0, 0
	for _, message := range messages {
		scopedBytes += message.Scoped
		paperBytes += message.Paper
	}
	for _, c := range []struct {
		name, prefix string
		bytes        int
	}{{scopedName, scopedNames, scopedBytes}, {paperName, paperNames, paperBytes}} {
		r := row{Name: c.name, Bytes: func(n int) int { return n * c.bytes }}
		for i, stage := range Stages {
			r.Costs = append(r.Costs, "measured")
			if r.Ms[i], err = m.ms(c.prefix + stage); err != nil {
				return nil, err
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func (m *Measurements) units() (u Units, err error) {
	var errs [3]error
	u.M, errs[0] = m.ms(NameM)
	u.E, errs[1] = m.ms(NameE)
	u.P, errs[2] = m.ms(NameP)
	return u, errors.Join(errs[:]...)
}

// Files are docs/evaluation.md and everything in docs/evaluation, by path
// within docs. The same measurements give the same bytes.
func Files(m *Measurements) (map[string][]byte, error) {
	messages, err := Messages()
	if err != nil {
		return nil, err
	}
	rows, err := own(m, messages)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for name, records := range tables(m, rows, messages) {
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		if err := w.WriteAll(records); err != nil {
			return nil, err
		}
		files["evaluation/"+name] = b.Bytes()
	}
	for name, draw := range map[string]func([]row) ([]byte, error){
		"figure4.svg": figure4, "figure5.svg": figure5, "figure6.svg": figure6, "figure7.svg": figure7,
	} {
		if files["evaluation/"+name], err = draw(rows); err != nil {
			return nil, fmt.Errorf("evaluation: %s: %w", name, err)
		}
	}
	files["evaluation.md"], err = markdown(m, rows, messages)
	return files, err
}

func tables(m *Measurements, rows []row, messages []Message) map[string][][]string {
	environment := [][]string{{"what", "value"}}
	for _, f := range m.Facts {
		environment = append(environment, []string{f.Name, f.Value})
	}
	measurements := [][]string{{"name", "what", "median_us", "quarter1_us", "quarter3_us", "samples"}}
	for _, t := range m.Timings {
		measurements = append(measurements, []string{t.Name, t.What, two(t.Median), two(t.Quarter1), two(t.Quarter3), strconv.Itoa(t.Samples)})
	}
	table2 := [][]string{{"scheme", "stage", "formula", "published_ms", "recomputed_ms", "here_ms"}}
	table3 := [][]string{{"scheme", "formula", "published_bytes", "recomputed_bytes", "here_bytes"}}
	for i, r := range rows {
		for k, stage := range Stages {
			published, recomputed := "", ""
			if i < len(Schemes) {
				published, recomputed = two(Schemes[i].PublishedMs[k]), two(Schemes[i].Costs[k].Time(PublishedUnits))
			}
			table2 = append(table2, []string{r.Name, stage, r.Costs[k], published, recomputed, three(r.Ms[k])})
		}
		if i < len(Schemes) {
			s := Schemes[i]
			table3 = append(table3, []string{r.Name, s.Traffic.String(), strconv.Itoa(s.PublishedBytes), strconv.Itoa(s.Traffic.Bytes(1, PublishedElements)), strconv.Itoa(r.Bytes(1))})
		} else {
			table3 = append(table3, []string{r.Name, "encoded messages", "", "", strconv.Itoa(r.Bytes(1))})
		}
	}
	list := [][]string{{"phase", "message", "scoped_bytes", "paper_mode_bytes"}}
	for _, x := range messages {
		list = append(list, []string{x.Phase, x.What, strconv.Itoa(x.Scoped), strconv.Itoa(x.Paper)})
	}
	checks := [][]string{{"statement", "by the published numbers", "holds"}}
	for _, c := range Checks() {
		checks = append(checks, []string{c.Says, c.Gives, strconv.FormatBool(c.Holds)})
	}
	figure6, figure7 := [][]string{{"users"}}, [][]string{{"users"}}
	for n := 0; n <= Users; n++ {
		var six, seven []string
		if n > 0 {
			six, seven = []string{strconv.Itoa(n)}, []string{strconv.Itoa(n)}
		}
		add := func(suffix, name string, ms float64, size int, digits func(float64) string) {
			if n == 0 {
				figure6[0] = append(figure6[0], name+suffix+"_ms")
				figure7[0] = append(figure7[0], name+suffix+"_bytes")
				return
			}
			six = append(six, digits(float64(n)*ms))
			seven = append(seven, strconv.Itoa(size))
		}
		for _, s := range Schemes {
			add(" published", s.Name, s.Total().Time(PublishedUnits), s.Traffic.Bytes(n, PublishedElements), two)
		}
		for _, r := range rows {
			add(" here", r.Name, r.Total(), r.Bytes(n), three)
		}
		if n > 0 {
			figure6, figure7 = append(figure6, six), append(figure7, seven)
		}
	}
	return map[string][][]string{
		"environment.csv": environment, "measurements.csv": measurements, "table2.csv": table2, "table3.csv": table3,
		"messages.csv": list, "checks.csv": checks, "figure6.csv": figure6, "figure7.csv": figure7,
	}
}

func two(f float64) string   { return strconv.FormatFloat(f, 'f', 2, 64) }
func three(f float64) string { return strconv.FormatFloat(f, 'f', 3, 64) }

// Parse reads measurements.csv and environment.csv back.
func Parse(measurements, environment []byte) (*Measurements, error) {
	m := &Measurements{}
	records, err := csv.NewReader(bytes.NewReader(environment)).ReadAll()
	if err != nil {
		return nil, err
	}
	for _, r := range records[min(1, len(records)):] {
		m.Facts = append(m.Facts, Fact{r[0], r[1]})
	}
	reader := csv.NewReader(bytes.NewReader(measurements))
	reader.FieldsPerRecord = 6
	if records, err = reader.ReadAll(); err != nil {
		return nil, err
	}
	for _, r := range records[min(1, len(records)):] {
		t := Timing{Name: r[0], What: r[1]}
		for i, dst := range []*float64{&t.Median, &t.Quarter1, &t.Quarter3} {
			if *dst, err = strconv.ParseFloat(r[2+i], 64); err != nil {
				return nil, err
			}
		}
		if t.Samples, err = strconv.Atoi(r[5]); err != nil {
			return nil, err
		}
		m.Timings = append(m.Timings, t)
	}
	return m, nil
}

//go:embed evaluation.md.tmpl
var page string

func markdown(m *Measurements, rows []row, messages []Message) ([]byte, error) {
	parsed, err := template.New("evaluation.md").Funcs(template.FuncMap{
		"two": two, "three": three,
		"ms":        func(t Timing) float64 { return t.Median / 1000 },
		"percent":   func(f float64) float64 { return 100 * f },
		"cell":      func(s string) string { return strings.ReplaceAll(s, "|", "\\|") },
		"published": func(c Cost) string { return two(c.Time(PublishedUnits)) },
	}).Parse(page)
	if err != nil {
		return nil, err
	}
	u, err := m.units()
	if err != nil {
		return nil, err
	}
	scoped, paper := rows[len(rows)-2], rows[len(rows)-1]
	narrow := PublishedElements
	narrow.Zp = 20
	var b bytes.Buffer
	err = parsed.Execute(&b, map[string]any{
		"M": m, "Rows": rows, "Schemes": Schemes, "Messages": messages, "Checks": Checks(), "Counted": Counted,
		"Stages": Stages, "PublishedUnits": PublishedUnits, "Units": u,
		"Published": PublishedElements, "Own": OwnElements, "Users": Users,
		"Scoped": scoped, "Paper": paper, "ScopedBytes": scoped.Bytes(1), "PaperBytes": paper.Bytes(1),
		"Overhead": PayloadOverhead(), "RecordSize": RecordSize, "Label": Label, "Narrow": narrow,
	})
	return b.Bytes(), err
}
