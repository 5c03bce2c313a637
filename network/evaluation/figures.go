package evaluation

import (
	"bytes"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// styles are the colours of Okabe and Ito for the schemes of the paper and two
// greys for ours; lines differ in dashes and marks too.
var styles = []struct {
	colour color.RGBA
	dashes []vg.Length
	glyph  draw.GlyphDrawer
}{
	{color.RGBA{0x00, 0x72, 0xb2, 0xff}, nil, draw.CircleGlyph{}},
	{color.RGBA{0xe6, 0x9f, 0x00, 0xff}, []vg.Length{vg.Points(6), vg.Points(3)}, draw.PyramidGlyph{}},
	{color.RGBA{0x00, 0x9e, 0x73, 0xff}, []vg.Length{vg.Points(2), vg.Points(2)}, draw.BoxGlyph{}},
	{color.RGBA{0x22, 0x22, 0x22, 0xff}, nil, draw.CrossGlyph{}},
	{color.RGBA{0x99, 0x99, 0x99, 0xff}, []vg.Length{vg.Points(8), vg.Points(2), vg.Points(2), vg.Points(2)}, draw.RingGlyph{}},
}

func sans(size float64) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Points(size)}
}

// panel is an empty plot in the style of all figures.
func panel(title, x, y string) *plot.Plot {
	p := plot.New()
	p.Title.Text = title
	p.Title.TextStyle.Font = sans(11)
	p.Title.Padding = vg.Points(8)
	p.X.Label.Text, p.Y.Label.Text = x, y
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Label.TextStyle.Font = sans(10)
		axis.Label.Padding = vg.Points(4)
		axis.Tick.Label.Font = sans(9)
		axis.Width = vg.Points(0.6)
		axis.Tick.Width = vg.Points(0.6)
	}
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Color = color.Gray{0xdd}
	p.Add(grid)
	return p
}

// ticks are about five round numbers, without the minor ones.
type ticks struct{}

func (ticks) Ticks(low, high float64) []plot.Tick {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/4)))
	for _, f := range []float64{1, 2, 5, 10} {
		if (high-low)/(f*step) <= 6 {
			step *= f
			break
		}
	}
	var list []plot.Tick
	for i := math.Ceil(low / step); i*step <= high; i++ {
		list = append(list, plot.Tick{Value: i * step, Label: strconv.FormatFloat(i*step, 'f', max(0, -int(math.Floor(math.Log10(step)))), 64)})
	}
	return list
}

// series is one bar per group, or one line.
type series struct {
	style  int
	name   string
	values []float64
}

// bars draws groups of bars with their values on top.
func bars(p *plot.Plot, groups []string, list []series, width vg.Length, number func(float64) string) error {
	top := 0.0
	for i, s := range list {
		bar, err := plotter.NewBarChart(plotter.Values(s.values), width)
		if err != nil {
			return err
		}
		bar.Color = styles[s.style].colour
		bar.LineStyle.Width = 0
		bar.Offset = (width + vg.Points(3)) * (vg.Length(i) - vg.Length(len(list)-1)/2)
		p.Add(bar)
		labels := plotter.XYLabels{}
		for k, v := range s.values {
			top = max(top, v)
			labels.XYs = append(labels.XYs, plotter.XY{X: float64(k), Y: v})
			labels.Labels = append(labels.Labels, number(v))
		}
		l, err := plotter.NewLabels(labels)
		if err != nil {
			return err
		}
		l.Offset = vg.Point{X: bar.Offset, Y: vg.Points(3)}
		for k := range l.TextStyle {
			l.TextStyle[k].Font = sans(8)
			l.TextStyle[k].XAlign = text.XCenter
		}
		p.Add(l)
	}
	p.NominalX(groups...)
	p.X.Width, p.X.Tick.Width = vg.Points(0.6), 0
	p.X.Min, p.X.Max = -0.5, float64(len(groups))-0.5
	p.Y.Min, p.Y.Max = 0, top*1.15
	p.Y.Tick.Marker = ticks{}
	return nil
}

// lines draws values for 1, 2, 3, … users.
func lines(p *plot.Plot, list []series) error {
	top := 0.0
	for _, s := range list {
		points := make(plotter.XYs, len(s.values))
		for i, v := range s.values {
			points[i] = plotter.XY{X: float64(i + 1), Y: v}
			top = max(top, v)
		}
		line, marks, err := thumbs(s.style, points)
		if err != nil {
			return err
		}
		p.Add(line, marks)
	}
	p.X.Min, p.X.Max = 0, float64(Users)
	p.Y.Min, p.Y.Max = 0, top*1.05
	p.X.Tick.Marker, p.Y.Tick.Marker = ticks{}, ticks{}
	return nil
}

func thumbs(style int, points plotter.XYs) (*plotter.Line, *plotter.Scatter, error) {
	line, marks, err := plotter.NewLinePoints(points)
	if err != nil {
		return nil, nil, err
	}
	s := styles[style]
	line.Color, line.Width, line.Dashes = s.colour, vg.Points(1.4), s.dashes
	marks.GlyphStyle = draw.GlyphStyle{Color: s.colour, Radius: vg.Points(2.6), Shape: s.glyph}
	return line, marks, nil
}

// figure puts a legend above panels, side by side or one below the other.
func figure(width, height vg.Length, columns int, names []string, asLines bool, panels ...*plot.Plot) ([]byte, error) {
	canvas := vgsvg.New(width, height)
	all := draw.New(canvas)
	all.FillPolygon(color.White, []vg.Point{all.Min, {X: all.Max.X, Y: all.Min.Y}, all.Max, {X: all.Min.X, Y: all.Max.Y}})
	all = draw.Crop(all, vg.Points(8), -vg.Points(12), vg.Points(8), -vg.Points(10))

	strip := vg.Points(26)
	x := all.Min.X + vg.Points(36)
	for i, name := range names {
		legend := plot.NewLegend()
		legend.TextStyle.Font = sans(10)
		legend.ThumbnailWidth, legend.Left, legend.Top = vg.Points(14), true, true
		legend.Padding = vg.Points(5)
		if asLines {
			legend.ThumbnailWidth = vg.Points(30)
			line, marks, err := thumbs(i, plotter.XYs{{X: 1, Y: 1}})
			if err != nil {
				return nil, err
			}
			legend.Add(name, line, marks)
		} else {
			bar, err := plotter.NewBarChart(plotter.Values{1}, 1)
			if err != nil {
				return nil, err
			}
			bar.Color, bar.LineStyle.Width = styles[i].colour, 0
			legend.Add(name, bar)
		}
		legend.Draw(draw.Canvas{Canvas: canvas, Rectangle: vg.Rectangle{Min: vg.Point{X: x, Y: all.Max.Y - strip}, Max: all.Max}})
		x += legend.ThumbnailWidth + legend.TextStyle.Width(name) + vg.Points(28)
	}

	rowCount := (len(panels) + columns - 1) / columns
	tiles := draw.Tiles{Rows: rowCount, Cols: columns, PadX: vg.Points(22), PadY: vg.Points(20), PadTop: strip}
	grid := make([][]*plot.Plot, rowCount)
	for i, p := range panels {
		grid[i/columns] = append(grid[i/columns], p)
	}
	for r, canvases := range plot.Align(grid, tiles, all) {
		for c := range canvases {
			grid[r][c].Draw(canvases[c])
		}
	}
	var b bytes.Buffer
	_, err := canvas.WriteTo(&b)
	return b.Bytes(), err
}

func names(rows []row) []string {
	var list []string
	for _, r := range rows {
		list = append(list, r.Name)
	}
	return list
}

const (
	publishedTitle = "As published"
	hereTitle      = "Here, on BN254: formulas with our M, E and P; ClaimShare measured"
)

func figure4(rows []row) ([]byte, error) {
	published := panel(publishedTitle, "", "time (ms)")
	here := panel(hereTitle, "", "time (ms)")
	var left, right []series
	for i, s := range Schemes {
		left = append(left, series{i, s.Name, s.PublishedMs[:]})
	}
	for i, r := range rows {
		right = append(right, series{i, r.Name, r.Ms[:]})
	}
	if err := bars(published, Stages[:], left, vg.Points(27), two); err != nil {
		return nil, err
	}
	if err := bars(here, Stages[:], right, vg.Points(22), two); err != nil {
		return nil, err
	}
	return figure(22*vg.Centimeter, 17*vg.Centimeter, 1, names(rows), false, published, here)
}

func whole(f float64) string { return strconv.FormatFloat(f, 'f', 0, 64) }

func figure5(rows []row) ([]byte, error) {
	published := panel(publishedTitle, "", "sent for one user (bytes)")
	here := panel("Here: formulas with our sizes; ClaimShare encoded", "", "sent for one user (bytes)")
	var left, right []series
	for i, s := range Schemes {
		left = append(left, series{i, s.Name, []float64{float64(s.PublishedBytes)}})
	}
	for i, r := range rows {
		right = append(right, series{i, r.Name, []float64{float64(r.Bytes(1))}})
	}
	if err := bars(published, []string{"one user"}, left, vg.Points(34), whole); err != nil {
		return nil, err
	}
	if err := bars(here, []string{"one user"}, right, vg.Points(34), whole); err != nil {
		return nil, err
	}
	return figure(22*vg.Centimeter, 10*vg.Centimeter, 2, names(rows), false, published, here)
}

func figure6(rows []row) ([]byte, error) {
	published := panel("n times the sum of table 2", "users n", "time (s)")
	here := panel("Here, on BN254", "users n", "time (ms)")
	var left, right []series
	for i, s := range Schemes {
		left = append(left, series{i, s.Name, perUser(func(n int) float64 { return float64(n) * s.Total().Time(PublishedUnits) / 1000 })})
	}
	for i, r := range rows {
		right = append(right, series{i, r.Name, perUser(func(n int) float64 { return float64(n) * r.Total() })})
	}
	if err := lines(published, left); err != nil {
		return nil, err
	}
	if err := lines(here, right); err != nil {
		return nil, err
	}
	return figure(22*vg.Centimeter, 10*vg.Centimeter, 2, names(rows), true, published, here)
}

func figure7(rows []row) ([]byte, error) {
	published := panel("Formulas, published sizes", "users n", "sent (bytes)")
	here := panel("Formulas, our sizes", "users n", "sent (bytes)")
	encoded := panel("ClaimShare, encoded", "users n", "sent (kB)")
	var left, middle, right []series
	for i, s := range Schemes {
		left = append(left, series{i, s.Name, perUser(func(n int) float64 { return float64(s.Traffic.Bytes(n, PublishedElements)) })})
	}
	for i, r := range rows {
		if i < len(Schemes) {
			middle = append(middle, series{i, r.Name, perUser(func(n int) float64 { return float64(r.Bytes(n)) })})
		} else {
			right = append(right, series{i, r.Name, perUser(func(n int) float64 { return float64(r.Bytes(n)) / 1000 })})
		}
	}
	for p, list := range map[*plot.Plot][]series{published: left, here: middle, encoded: right} {
		if err := lines(p, list); err != nil {
			return nil, err
		}
	}
	return figure(26*vg.Centimeter, 10*vg.Centimeter, 3, names(rows), true, published, here, encoded)
}

func perUser(f func(n int) float64) []float64 {
	list := make([]float64, Users)
	for i := range list {
		list[i] = f(i + 1)
	}
	return list
}
