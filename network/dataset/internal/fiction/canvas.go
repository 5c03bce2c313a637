package fiction

import (
	"image"
	"image/color"
	"strconv"
	"strings"
)

// Photos are drawn in a space of width by height. The canvas has fine pixels in
// each direction for one of the photo, so that edges come out smooth. Every
// computation is in integers: the same picture on every machine.
const (
	width, height = 480, 300
	fine          = 3
)

type rgb [3]uint8

type point struct{ x, y int } // in fine pixels

// canvas is a picture under way. view maps the drawing's space to it.
type canvas struct {
	pix  []rgb
	view view
	clip []bool // where painting has an effect; nil is everywhere
}

// view mirrors the drawing, or enlarges it by zoom percent around a centre.
type view struct {
	mirror   bool
	zoom     int
	from, to [2]int // the centre in the drawing, and where it goes
}

var plainView = view{zoom: 100}

func newCanvas() *canvas {
	return &canvas{pix: make([]rgb, width*fine*height*fine), view: plainView}
}

func (c *canvas) place(x, y int) point {
	v := c.view
	x = (x-v.from[0])*v.zoom*fine/100 + v.to[0]*fine
	if v.mirror {
		x = width*fine - x
	}
	return point{x, (y-v.from[1])*v.zoom*fine/100 + v.to[1]*fine}
}

// length scales a length of the drawing to fine pixels.
func (c *canvas) length(n int) int { return n * c.view.zoom * fine / 100 }

func (c *canvas) set(x, y int, col rgb, alpha int) {
	if x < 0 || y < 0 || x >= width*fine || y >= height*fine {
		return
	}
	i := y*width*fine + x
	if c.clip != nil && !c.clip[i] {
		return
	}
	p := &c.pix[i]
	for i := range p {
		p[i] = uint8((int(p[i])*(100-alpha) + int(col[i])*alpha) / 100)
	}
}

// fill paints the inside of a path, by the even-odd rule.
func (c *canvas) fill(path string, col rgb, alpha int) { c.polygon(c.outline(path), col, alpha) }

func (c *canvas) polygon(pts []point, col rgb, alpha int) {
	inside(pts, func(x, y int) { c.set(x, y, col, alpha) })
}

// within paints with everything outside a path kept as it is.
func (c *canvas) within(path string, paint func()) {
	c.clip = make([]bool, len(c.pix))
	inside(c.outline(path), func(x, y int) {
		if x >= 0 && x < width*fine {
			c.clip[y*width*fine+x] = true
		}
	})
	paint()
	c.clip = nil
}

// inside visits the fine pixels inside a polygon that are on the canvas, or
// beside it.
func inside(pts []point, visit func(x, y int)) {
	if len(pts) < 3 {
		return
	}
	top, bottom := pts[0].y, pts[0].y
	for _, p := range pts {
		top, bottom = min(top, p.y), max(bottom, p.y)
	}
	for y := max(top, 0); y <= min(bottom, height*fine-1); y++ {
		var cuts []int
		for i, a := range pts {
			b := pts[(i+1)%len(pts)]
			if (2*a.y > 2*y+1) == (2*b.y > 2*y+1) {
				continue
			}
			cuts = append(cuts, a.x+(b.x-a.x)*(2*y+1-2*a.y)/(2*(b.y-a.y)))
		}
		sortInts(cuts)
		for i := 0; i+1 < len(cuts); i += 2 {
			for x := cuts[i]; x < cuts[i+1]; x++ {
				visit(x, y)
			}
		}
	}
}

func sortInts(list []int) {
	for i := range list {
		for j := i; j > 0 && list[j] < list[j-1]; j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
}

// outline turns a path of SVG's letters M, L, C and Z, absolute whole numbers
// only, into a polygon.
func (c *canvas) outline(path string) []point {
	var pts []point
	f := strings.Fields(path)
	number := func(i int) int { n, _ := strconv.Atoi(f[i]); return n }
	for i := 0; i < len(f); {
		switch f[i] {
		case "M", "L":
			pts = append(pts, c.place(number(i+1), number(i+2)))
			i += 3
		case "C":
			p0 := pts[len(pts)-1]
			p1, p2, p3 := c.place(number(i+1), number(i+2)), c.place(number(i+3), number(i+4)), c.place(number(i+5), number(i+6))
			const n = 24
			for t := 1; t <= n; t++ {
				s := n - t
				at := func(a, b, c, d int) int {
					return (a*s*s*s + 3*b*s*s*t + 3*c*s*t*t + d*t*t*t) / (n * n * n)
				}
				pts = append(pts, point{at(p0.x, p1.x, p2.x, p3.x), at(p0.y, p1.y, p2.y, p3.y)})
			}
			i += 7
		default: // Z
			i++
		}
	}
	return pts
}

// ellipse paints an ellipse with its centre and radii in the drawing.
func (c *canvas) ellipse(x, y, rx, ry int, col rgb, alpha int) {
	m := c.place(x, y)
	a, b := c.length(rx), c.length(ry)
	for dy := -b; dy <= b; dy++ {
		for dx := -a; dx <= a; dx++ {
			if dx*dx*b*b+dy*dy*a*a <= a*a*b*b {
				c.set(m.x+dx, m.y+dy, col, alpha)
			}
		}
	}
}

// ring paints a circle's line, from radius r-w to r.
func (c *canvas) ring(x, y, r, w int, col rgb) {
	m := c.place(x, y)
	outer, inner := c.length(r), c.length(r-w)
	for dy := -outer; dy <= outer; dy++ {
		for dx := -outer; dx <= outer; dx++ {
			if d := dx*dx + dy*dy; d <= outer*outer && d > inner*inner {
				c.set(m.x+dx, m.y+dy, col, 100)
			}
		}
	}
}

// stroke draws lines through the points of a path; weight is in tenths.
func (c *canvas) stroke(path string, weight int, col rgb) {
	pts := c.outline(path)
	r := max(1, weight*c.view.zoom*fine/2000)
	for i := 1; i < len(pts); i++ {
		a, b := pts[i-1], pts[i]
		steps := max(abs(b.x-a.x), abs(b.y-a.y), 1)
		for s := 0; s <= steps; s++ {
			x, y := a.x+(b.x-a.x)*s/steps, a.y+(b.y-a.y)*s/steps
			for dy := -r; dy <= r; dy++ {
				for dx := -r; dx <= r; dx++ {
					if dx*dx+dy*dy <= r*r {
						c.set(x+dx, y+dy, col, 100)
					}
				}
			}
		}
	}
}

func abs(n int) int { return max(n, -n) }

// rect paints a rectangle; it ignores the view.
func (c *canvas) rect(x0, y0, x1, y1 int, col rgb) {
	for y := y0 * fine; y < y1*fine; y++ {
		for x := x0 * fine; x < x1*fine; x++ {
			c.set(x, y, col, 100)
		}
	}
}

// text writes in capital letters, scale photo pixels to a dot; it ignores the
// view.
func (c *canvas) text(x, y, scale int, s string, col rgb) {
	for _, r := range strings.ToUpper(s) {
		for i, column := range glyph(r) {
			for j := range 7 {
				if column>>j&1 == 1 {
					c.rect(x+i*scale, y+j*scale, x+(i+1)*scale, y+(j+1)*scale, col)
				}
			}
		}
		x += 6 * scale
	}
}

func textWidth(s string, scale int) int { return (len([]rune(s))*6 - 1) * scale }

// photo averages the fine pixels and reduces the colours to at most 256.
func (c *canvas) photo() *image.Paletted {
	img := image.NewPaletted(image.Rect(0, 0, width, height), nil)
	index := make(map[rgb]uint8)
	for y := range height {
		for x := range width {
			var sum [3]int
			for dy := range fine {
				for dx := range fine {
					p := c.pix[(y*fine+dy)*width*fine+x*fine+dx]
					for i := range sum {
						sum[i] += int(p[i])
					}
				}
			}
			var q rgb
			for i := range q {
				q[i] = uint8(min(255, (sum[i]/(fine*fine)+4)/8*8))
			}
			n, known := index[q]
			if !known {
				if len(index) < 256 {
					n = uint8(len(index))
					img.Palette = append(img.Palette, color.RGBA{q[0], q[1], q[2], 255})
				} else {
					n = uint8(img.Palette.Index(color.RGBA{q[0], q[1], q[2], 255}))
				}
				index[q] = n
			}
			img.Pix[y*img.Stride+x] = n
		}
	}
	return img
}
