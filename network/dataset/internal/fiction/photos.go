package fiction

import (
	"fmt"
	"image"
	"slices"
	"strings"

	"github.com/claimshare/claimshare/client/document"
)

// silhouette is a car from its left side, front to the left.
type silhouette struct {
	body    string
	windows []string
	doors   []string // lines
	wheel   int      // radius
	axles   [2]int
	roof    int
}

var silhouettes = map[body]silhouette{
	sedan: {
		body: "M 52 196 C 50 180 54 168 70 164 C 100 156 130 152 158 149 C 185 122 205 108 240 106 C 285 104 318 112 346 140 C 372 142 400 146 416 152 C 426 158 430 176 428 198 C 428 206 424 208 416 208 L 60 208 C 54 207 52 202 52 196 Z",
		windows: []string{
			"M 172 149 C 193 127 208 116 238 114 L 242 147 Z",
			"M 250 147 L 246 114 C 285 113 306 121 328 142 L 318 146 Z",
		},
		doors: []string{"M 166 152 C 162 170 164 190 172 203", "M 246 150 L 250 203", "M 322 150 C 326 160 322 172 312 184"},
		wheel: 29, axles: [2]int{122, 358}, roof: 108,
	},
	hatch: {
		body: "M 58 196 C 56 178 62 167 80 162 C 106 155 130 151 152 148 C 180 116 202 103 242 101 C 302 99 350 103 376 113 C 398 132 410 150 416 168 C 422 180 422 196 418 203 C 416 208 410 208 402 208 L 66 208 C 60 207 58 202 58 196 Z",
		windows: []string{
			"M 165 147 C 188 120 206 111 238 109 L 241 146 Z",
			"M 249 146 L 246 109 C 280 107 306 107 326 110 L 330 146 Z",
			"M 338 146 L 335 111 C 350 113 360 116 366 120 C 374 128 380 136 386 146 Z",
		},
		doors: []string{"M 160 151 C 156 170 158 190 168 203", "M 245 149 L 248 203", "M 332 149 C 336 160 330 174 316 186"},
		wheel: 29, axles: [2]int{126, 350}, roof: 103,
	},
	suv: {
		body: "M 50 194 C 48 172 54 157 70 151 C 100 144 126 141 150 139 C 172 108 192 92 226 88 C 290 84 350 86 388 93 C 406 108 420 128 426 150 C 432 168 432 190 428 202 C 426 208 420 208 412 208 L 60 208 C 52 207 50 202 50 194 Z",
		windows: []string{
			"M 164 139 C 184 112 198 100 228 97 L 233 138 Z",
			"M 241 138 L 236 97 C 270 95 300 95 318 96 L 322 138 Z",
			"M 330 138 L 327 97 C 350 97 368 99 380 103 C 391 114 399 126 405 138 Z",
		},
		doors: []string{"M 158 143 C 154 166 156 188 166 203", "M 237 141 L 241 203", "M 326 141 C 330 156 326 172 314 182"},
		wheel: 33, axles: [2]int{122, 360}, roof: 90,
	},
	pickup: {
		body: "M 46 194 C 44 168 50 152 66 147 C 96 141 120 139 140 137 C 158 108 176 93 204 90 C 236 88 262 90 280 94 C 290 110 294 124 297 138 L 434 138 C 438 150 438 190 436 202 C 435 208 430 208 424 208 L 58 208 C 48 207 46 202 46 194 Z",
		windows: []string{
			"M 154 137 C 170 112 182 101 206 98 L 211 136 Z",
			"M 219 136 L 214 98 C 244 97 260 98 272 102 C 280 114 284 126 287 136 Z",
		},
		doors: []string{"M 148 141 C 144 164 146 188 156 203", "M 215 139 L 219 203", "M 292 139 L 292 200", "M 304 139 L 304 200"},
		wheel: 34, axles: [2]int{112, 366}, roof: 92,
	},
}

// spots says where a zone is in the drawing; {s} stands for either side. y -1
// is the roof.
var spots = map[string][2]int{
	"front-bumper": {68, 194}, "grille": {62, 180}, "hood": {112, 156}, "{s}-headlight": {80, 168}, "windshield": {194, 126},
	"front-{s}-fender": {138, 166}, "front-{s}-door": {206, 174}, "rear-{s}-door": {284, 174}, "rear-{s}-quarter": {376, 164},
	"{s}-sill": {236, 204}, "{s}-mirror": {172, 144}, "{s}-windows": {220, 130}, "roof": {262, -1}, "trunk": {402, 156},
	"rear-window": {344, 128}, "rear-bumper": {416, 192}, "{s}-taillight": {418, 166}, "rear-structure": {398, 202},
	"front-structure": {84, 202}, "engine-bay": {92, 172}, "interior": {258, 128}, "underbody": {236, 208}, "whole-vehicle": {240, 176},
}

func (s silhouette) spot(zone, side string) (x, y int) {
	switch zone {
	case "front-" + side + "-wheel":
		return s.axles[0], 204
	case "rear-" + side + "-wheel":
		return s.axles[1], 204
	}
	p, ok := spots[strings.Replace(zone, side, "{s}", 1)]
	if !ok {
		p = spots["whole-vehicle"]
	}
	if p[1] < 0 {
		p[1] = s.roof
	}
	return p[0], p[1]
}

var (
	wall    = rgb{0xd8, 0xe0, 0xe8}
	panel   = rgb{0xc8, 0xd0, 0xd8}
	floor   = rgb{0xb0, 0xb8, 0xb8}
	shadow  = rgb{0x88, 0x90, 0x90}
	tyre    = rgb{0x28, 0x28, 0x28}
	rim     = rgb{0xa9, 0xb0, 0xb6}
	glass   = rgb{0x4b, 0x5c, 0x6b}
	shine   = rgb{0xc6, 0xd6, 0xe2}
	ink     = rgb{0x18, 0x20, 0x28}
	paper   = rgb{0xf4, 0xf6, 0xf7}
	signal  = rgb{0xd8, 0x35, 0x2a}
	amber   = rgb{0xe8, 0xb4, 0x3a}
	redLamp = rgb{0xb4, 0x24, 0x24}
	stripe  = rgb{0xe2, 0xc0, 0x55}
)

// overview draws the whole car with a numbered ring at each damage.
func overview(rp *repair) *image.Paletted {
	c := newCanvas()
	mirror := rp.side == "right"
	c.view = view{mirror: mirror, zoom: 100}
	room(c)
	s := silhouettes[rp.holder.car.model.body]
	drawCar(c, s, rgb(rp.holder.car.paint))
	for i, d := range rp.record.Damage {
		x, y := s.spot(d.Zone, rp.side)
		drawDamage(c, d.Code, x, y, i)
	}
	label(c, s, rp)
	caption(c, rp, "Overview, "+rp.side+" side")
	return c.photo()
}

// label rings each damage and numbers it in a row above the roof.
func label(c *canvas, s silhouette, rp *repair) {
	type tag struct {
		id         string
		x, y, left int // the damage, and where its number begins
	}
	var tags []tag
	for _, d := range rp.record.Damage {
		x, y := s.spot(d.Zone, rp.side)
		if c.view.mirror {
			x = width - x
		}
		tags = append(tags, tag{id: d.ID, x: x, y: y})
	}
	slices.SortStableFunc(tags, func(a, b tag) int { return a.x - b.x })
	const boxWidth, step, top = 22, 30, 56
	for i := range tags {
		tags[i].left = tags[i].x - boxWidth/2
		if i > 0 {
			tags[i].left = max(tags[i].left, tags[i-1].left+step)
		}
	}
	for i, limit := len(tags)-1, width-12-boxWidth; i >= 0; i, limit = i-1, limit-step {
		tags[i].left = min(tags[i].left, limit)
	}
	c.view = plainView
	for _, t := range tags {
		c.stroke(fmt.Sprintf("M %d %d L %d %d", t.left+boxWidth/2, top+14, t.x, t.y-12), 10, signal)
		c.ring(t.x, t.y, 13, 2, signal)
	}
	for _, t := range tags {
		c.rect(t.left, top, t.left+boxWidth, top+15, signal)
		c.text(t.left+(boxWidth-textWidth(t.id, 1)+1)/2, top+4, 1, t.id, paper)
	}
}

// detail draws one damage from near.
func detail(rp *repair, n int) *image.Paletted {
	d := rp.record.Damage[n]
	s := silhouettes[rp.holder.car.model.body]
	x, y := s.spot(d.Zone, rp.side)
	c := newCanvas()
	c.view = view{mirror: rp.side == "right", zoom: 270, from: [2]int{x, y}, to: [2]int{240, 140}}
	room(c)
	drawCar(c, s, rgb(rp.holder.car.paint))
	drawDamage(c, d.Code, x, y, n)
	c.view = plainView
	// A scale, as surveyors put beside a damage.
	c.rect(30, 236, 130, 248, paper)
	for i := range 10 {
		if i%2 == 0 {
			c.rect(30+i*10, 236, 40+i*10, 242, ink)
		}
	}
	c.text(136, 238, 1, "10 cm", ink)
	c.rect(20, 18, 20+textWidth(d.ID, 2)+12, 18+26, signal)
	c.text(26, 24, 2, d.ID, paper)
	caption(c, rp, document.Term("zone", d.Zone)+": "+d.Code)
	return c.photo()
}

// repaired draws the car again, without its damages.
func repaired(rp *repair) *image.Paletted {
	c := newCanvas()
	c.view = view{mirror: rp.side == "right", zoom: 100}
	room(c)
	drawCar(c, silhouettes[rp.holder.car.model.body], rgb(rp.holder.car.paint))
	caption(c, rp, "After repair")
	return c.photo()
}

func room(c *canvas) {
	c.rect(0, 0, width, 208, wall)
	for x := 60; x < width; x += 120 {
		c.rect(x, 0, x+1, 208, panel)
	}
	c.rect(0, 205, width, 208, panel)
	c.rect(0, 208, width, height, floor)
	v := c.view
	c.view = plainView
	c.fill("M 0 252 L 480 252 L 480 257 L 0 257 Z", stripe, 100)
	c.view = v
}

func shade(col rgb, percent int) rgb {
	for i := range col {
		col[i] = uint8(min(255, int(col[i])*percent/100))
	}
	return col
}

func drawCar(c *canvas, s silhouette, paint rgb) {
	c.ellipse(240, 234, 205, 9, shadow, 100)
	c.fill(s.body, paint, 100)
	c.within(s.body, func() { // light from above: a bright shoulder, a dark lower part
		c.fill("M 40 186 C 150 176 330 176 440 186 L 440 210 L 40 210 Z", shade(paint, 78), 55)
		c.fill("M 40 168 C 150 154 330 152 440 162 L 440 165 C 330 156 150 158 40 172 Z", shine, 30)
		c.fill("M 40 202 L 440 202 L 440 210 L 40 210 Z", tyre, 85)
		c.fill("M 56 170 C 66 164 78 162 92 162 C 90 170 78 174 56 176 Z", paper, 100) // headlight
		c.fill("M 50 182 L 70 182 L 70 186 L 50 186 Z", amber, 100)
		c.fill("M 410 160 C 420 160 428 166 430 176 L 410 171 Z", redLamp, 100) // tail light
	})
	for _, w := range s.windows {
		c.fill(w, glass, 100)
	}
	c.fill("M 190 146 L 214 112 L 224 112 L 200 146 Z", shine, 28)
	c.fill("M 262 145 L 276 112 L 282 112 L 268 145 Z", shine, 22)
	for _, d := range s.doors {
		c.stroke(d, 12, shade(paint, 58))
	}
	c.fill("M 226 160 L 240 160 L 240 163 L 226 163 Z", shade(paint, 50), 100) // handles
	c.fill("M 292 160 L 306 160 L 306 163 L 292 163 Z", shade(paint, 50), 100)
	c.fill("M 166 150 C 162 142 168 138 178 140 L 182 150 Z", shade(paint, 66), 100) // mirror
	for _, x := range s.axles {
		c.ellipse(x, 204, s.wheel+6, s.wheel+6, shade(ink, 100), 100)
		c.ellipse(x, 204, s.wheel, s.wheel, tyre, 100)
		c.ellipse(x, 204, s.wheel-10, s.wheel-10, rim, 100)
		for _, spoke := range []string{"M %d 204 L %d 190", "M %d 204 L %d 218"} {
			c.stroke(fmt.Sprintf(spoke, x, x-9), 30, shade(rim, 62))
			c.stroke(fmt.Sprintf(spoke, x, x+9), 30, shade(rim, 62))
		}
		c.stroke(fmt.Sprintf("M %d 204 L %d 204", x-15, x+15), 30, shade(rim, 62))
		c.ellipse(x, 204, 5, 5, shade(rim, 80), 100)
	}
}

// drawDamage draws what a damage code looks like around a point.
func drawDamage(c *canvas, code string, x, y, variant int) {
	line := func(weight int, col rgb, format string, offsets ...int) {
		args := make([]any, len(offsets))
		for i, o := range offsets {
			if i%2 == 0 {
				args[i] = x + o
			} else {
				args[i] = y + o
			}
		}
		c.stroke(fmt.Sprintf(format, args...), weight, col)
	}
	switch code {
	case "scratch", "paint-damage":
		for i := range 3 {
			line(7, paper, "M %d %d L %d %d", -11+i, -3+4*i-variant, 10-2*i, -6+4*i+variant)
		}
	case "crack", "tear":
		line(12, ink, "M %d %d L %d %d L %d %d L %d %d L %d %d", -10, -6, -4, -1, -5, 3, 2, 4, 9, 9)
		line(9, ink, "M %d %d L %d %d L %d %d", -4, -1, 2, -5, 8, -6)
	case "shatter":
		for _, o := range [][2]int{{-10, -4}, {-6, 8}, {3, 10}, {10, 3}, {7, -8}, {-2, -11}} {
			line(8, paper, "M %d %d L %d %d", 0, 0, o[0], o[1])
		}
		line(6, paper, "M %d %d L %d %d L %d %d L %d %d L %d %d L %d %d Z", -5, -2, -3, 4, 2, 5, 5, 1, 3, -4, -1, -5)
	case "hail-dent":
		for i := range 7 {
			dx, dy := (i*7)%19-9, (i*5)%9-4
			c.ellipse(x+dx, y+dy, 2, 2, ink, 45)
			c.ellipse(x+dx, y+dy-1, 1, 1, paper, 60)
		}
	case "missing", "detached", "puncture":
		c.ellipse(x, y, 9, 7, ink, 85)
		line(9, rim, "M %d %d L %d %d", -3, 2, 5, 9)
	case "water-damage", "fluid-leak":
		c.ellipse(x, y+4, 9, 4, glass, 70)
		c.ellipse(x-3, y-3, 3, 4, glass, 70)
		c.ellipse(x+4, y-1, 2, 3, glass, 70)
	case "sensor-fault", "electrical":
		line(16, amber, "M %d %d L %d %d L %d %d L %d %d", 3, -9, -4, 1, 3, 1, -3, 9)
	case "dent":
		c.ellipse(x, y, 11, 8, ink, 14)
		c.ellipse(x+1, y+1, 9, 6, ink, 14)
		c.ellipse(x+2, y+2, 6, 4, ink, 14)
		c.ellipse(x-4, y-4, 4, 2, paper, 30)
	default: // deformation, misalignment and the like
		c.ellipse(x, y, 12, 9, ink, 16)
		c.ellipse(x+1, y+2, 8, 5, ink, 20)
		line(9, ink, "M %d %d L %d %d L %d %d", -11, 4, -1, 7, 10, 3)
		line(7, ink, "M %d %d L %d %d L %d %d", -7, -5, -1, 0, 3, -7)
		line(6, paper, "M %d %d L %d %d", -9, -2, 2, 2)
	}
}

func caption(c *canvas, rp *repair, what string) {
	c.view = plainView
	c.rect(0, 262, width, height, ink)
	c.text(12, 268, 2, rp.record.OrderNumber, paper)
	right := rp.record.ReceivedAt[:10]
	c.text(width-12-textWidth(right, 2), 268, 2, right, paper)
	c.text(12, 287, 1, rp.record.Shop.Name+" · "+what, rim)
	car := rp.holder.car.Make + " " + rp.holder.car.Model
	c.text(width-12-textWidth(car, 1), 287, 1, car, rim)
}
