package fiction

// scenario is a kind of mishap: what breaks and what a shop does about it.
// {s} stands for the side, left or right, of the whole scenario.
type scenario struct {
	weight    int
	cause     string
	says      []string
	place     []string
	damages   []damage
	work      []work
	parts     []part
	materials []material
}

type damage struct{ code, zone, severity, note string }

// work repairs the damages whose numbers, from 1, it lists. Hours are in
// hundredths.
type work struct {
	code, zone string
	damages    []int
	hours      [2]int
}

// part belongs to the operation with this number, from 1. Price is in euro for
// a car of middle value.
type part struct {
	name, stem string
	operation  int
	price      int
	quantity   int64
}

// material costs euro.
type material struct {
	name  string
	price int
}

var roads = []string{"car park", "ring road", "main street", "residential street", "roundabout", "motorway exit"}

var scenarios = []scenario{
	{14, "rear-end", []string{"Ran into the car ahead, which braked for a pedestrian.", "Could not stop in time in queuing traffic.", "Wet road, slid into the car in front at walking speed."}, roads,
		[]damage{{"crack", "front-bumper", "severe", ""}, {"deformation", "hood", "moderate", "Leading edge folded"}, {"shatter", "{s}-headlight", "severe", ""}, {"sensor-fault", "grille", "moderate", "Distance radar out of its bracket"}},
		[]work{{"diagnose", "whole-vehicle", nil, [2]int{40, 70}}, {"replace", "front-bumper", []int{1}, [2]int{180, 260}}, {"repair-panel", "hood", []int{2}, [2]int{220, 380}}, {"replace", "{s}-headlight", []int{3}, [2]int{70, 110}}, {"calibrate", "grille", []int{4}, [2]int{110, 160}}, {"refinish", "front-bumper", []int{1}, [2]int{210, 290}}, {"refinish", "hood", []int{2}, [2]int{230, 310}}, {"road-test", "whole-vehicle", nil, [2]int{30, 40}}},
		[]part{{"Bumper cover, front", "FB", 2, 412, 1}, {"Headlight assembly, {s}", "HL", 4, 688, 1}, {"Bracket, distance radar", "RB", 5, 74, 1}, {"Clip set, bumper", "CL", 2, 18, 1}},
		[]material{{"Paint and clear coat", 196}, {"Consumables", 34}}},
	{13, "collision-vehicle", []string{"Was hit from behind while waiting at a red light.", "The following van did not stop and pushed the car forward.", "Struck in the rear in stop-and-go traffic."}, roads,
		[]damage{{"crack", "rear-bumper", "severe", ""}, {"dent", "trunk", "moderate", "Does not close flush"}, {"shatter", "{s}-taillight", "moderate", ""}, {"deformation", "rear-structure", "moderate", "Cross member pushed in by 12 mm"}},
		[]work{{"inspect", "whole-vehicle", nil, [2]int{50, 80}}, {"replace", "rear-bumper", []int{1}, [2]int{160, 230}}, {"straighten-structure", "rear-structure", []int{4}, [2]int{320, 520}}, {"repair-panel", "trunk", []int{2}, [2]int{260, 400}}, {"replace", "{s}-taillight", []int{3}, [2]int{40, 60}}, {"refinish", "rear-bumper", []int{1}, [2]int{200, 270}}, {"refinish", "trunk", []int{2}, [2]int{220, 300}}, {"corrosion-protection", "rear-structure", []int{4}, [2]int{60, 90}}},
		[]part{{"Bumper cover, rear", "RB", 2, 386, 1}, {"Tail light, {s}", "TL", 5, 241, 1}, {"Absorber, rear bumper", "AB", 2, 92, 1}},
		[]material{{"Paint and clear coat", 188}, {"Cavity wax and sealant", 41}}},
	{15, "parking", []string{"A bollard was overlooked while manoeuvring.", "Brushed a concrete pillar in an underground garage.", "Turned too tightly around a low wall."}, []string{"underground garage", "car park", "driveway", "filling station"},
		[]damage{{"dent", "rear-{s}-door", "moderate", ""}, {"scratch", "rear-{s}-quarter", "moderate", "Down to the primer, 40 cm"}, {"scratch", "{s}-sill", "minor", ""}},
		[]work{{"remove-install", "rear-{s}-door", []int{1}, [2]int{120, 170}}, {"repair-panel", "rear-{s}-door", []int{1}, [2]int{240, 360}}, {"refinish", "rear-{s}-door", []int{1}, [2]int{200, 260}}, {"refinish", "rear-{s}-quarter", []int{2}, [2]int{220, 290}}, {"blend", "front-{s}-door", nil, [2]int{90, 130}}, {"polish", "{s}-sill", []int{3}, [2]int{40, 60}}},
		[]part{{"Moulding, rear door {s}", "MD", 1, 86, 1}},
		[]material{{"Paint and clear coat", 214}, {"Body filler and abrasives", 38}}},
	{9, "collision-vehicle", []string{"Another driver changed lane into the side of the car.", "Sideswiped where two lanes merge; the other driver stopped.", "A delivery van scraped along the side of the parked car."}, roads,
		[]damage{{"deformation", "front-{s}-door", "severe", ""}, {"dent", "front-{s}-fender", "moderate", ""}, {"detached", "{s}-mirror", "severe", ""}, {"scratch", "rear-{s}-door", "minor", ""}, {"puncture", "front-{s}-wheel", "moderate", "Sidewall cut"}},
		[]work{{"replace", "front-{s}-door", []int{1}, [2]int{310, 420}}, {"repair-panel", "front-{s}-fender", []int{2}, [2]int{180, 280}}, {"replace", "{s}-mirror", []int{3}, [2]int{50, 80}}, {"replace", "front-{s}-wheel", []int{5}, [2]int{40, 60}}, {"wheel-alignment", "front-{s}-wheel", []int{5}, [2]int{100, 140}}, {"refinish", "front-{s}-door", []int{1}, [2]int{240, 310}}, {"refinish", "front-{s}-fender", []int{2}, [2]int{190, 250}}, {"refinish", "rear-{s}-door", []int{4}, [2]int{180, 240}}},
		[]part{{"Door shell, front {s}", "DS", 1, 734, 1}, {"Outside mirror, {s}, heated", "OM", 3, 298, 1}, {"Tyre, all-season", "TY", 4, 134, 1}},
		[]material{{"Paint and clear coat", 262}, {"Consumables", 46}}},
	{9, "hail", []string{"Hailstorm in the afternoon, car parked outside.", "Caught in a hail shower, stones the size of walnuts."}, []string{"in front of the house", "office car park", "country road"},
		[]damage{{"hail-dent", "hood", "moderate", "31 dents"}, {"hail-dent", "roof", "moderate", "54 dents"}, {"hail-dent", "trunk", "minor", "12 dents"}, {"crack", "windshield", "moderate", ""}},
		[]work{{"inspect", "whole-vehicle", nil, [2]int{60, 90}}, {"paintless-dent-repair", "hood", []int{1}, [2]int{320, 480}}, {"paintless-dent-repair", "roof", []int{2}, [2]int{480, 720}}, {"paintless-dent-repair", "trunk", []int{3}, [2]int{140, 220}}, {"remove-install", "roof", []int{2}, [2]int{180, 260}}, {"glass-replace", "windshield", []int{4}, [2]int{170, 230}}, {"calibrate", "windshield", []int{4}, [2]int{90, 130}}},
		[]part{{"Windshield, acoustic, with camera bracket", "WS", 6, 468, 1}, {"Moulding, windshield", "WM", 6, 39, 1}},
		[]material{{"Glass adhesive set", 52}}},
	{10, "stone-chip", []string{"Stone thrown up by a lorry.", "Stone hit the windscreen, the crack grew overnight."}, []string{"motorway", "country road"},
		[]damage{{"crack", "windshield", "severe", "In the driver's field of view"}},
		[]work{{"glass-replace", "windshield", []int{1}, [2]int{160, 220}}, {"calibrate", "windshield", []int{1}, [2]int{80, 120}}, {"clean", "interior", nil, [2]int{20, 30}}},
		[]part{{"Windshield with rain sensor", "WS", 1, 442, 1}, {"Rain sensor gel pad", "GP", 1, 14, 1}},
		[]material{{"Glass adhesive set", 49}}},
	{6, "collision-animal", []string{"A deer crossed the road at dusk.", "A wild boar ran into the car from the verge."}, []string{"forest road", "country road"},
		[]damage{{"deformation", "front-bumper", "severe", ""}, {"tear", "grille", "severe", ""}, {"dent", "front-{s}-fender", "moderate", ""}, {"fluid-leak", "engine-bay", "severe", "Coolant"}},
		[]work{{"diagnose", "whole-vehicle", nil, [2]int{50, 80}}, {"replace", "front-bumper", []int{1}, [2]int{190, 260}}, {"replace", "grille", []int{2}, [2]int{50, 80}}, {"mechanical-repair", "engine-bay", []int{4}, [2]int{240, 380}}, {"repair-panel", "front-{s}-fender", []int{3}, [2]int{200, 300}}, {"refinish", "front-bumper", []int{1}, [2]int{210, 280}}, {"refinish", "front-{s}-fender", []int{3}, [2]int{190, 250}}, {"road-test", "whole-vehicle", nil, [2]int{30, 40}}},
		[]part{{"Bumper cover, front", "FB", 2, 405, 1}, {"Radiator grille", "RG", 3, 178, 1}, {"Radiator", "RA", 4, 326, 1}, {"Coolant, 5 l", "CO", 4, 31, 2}},
		[]material{{"Paint and clear coat", 172}, {"Consumables", 38}}},
	{6, "vandalism", []string{"Scratched with a key during the night.", "Found with scratches along one side after a football match."}, []string{"in front of the house", "residential street", "stadium car park"},
		[]damage{{"paint-damage", "front-{s}-door", "moderate", ""}, {"paint-damage", "rear-{s}-door", "moderate", ""}, {"paint-damage", "rear-{s}-quarter", "moderate", ""}},
		[]work{{"refinish", "front-{s}-door", []int{1}, [2]int{220, 280}}, {"refinish", "rear-{s}-door", []int{2}, [2]int{210, 270}}, {"refinish", "rear-{s}-quarter", []int{3}, [2]int{230, 300}}, {"remove-install", "front-{s}-door", []int{1}, [2]int{60, 90}}},
		nil,
		[]material{{"Paint and clear coat", 298}, {"Masking and abrasives", 44}}},
	{5, "theft", []string{"A window was broken and the navigation unit taken.", "Break-in during the night; the steering wheel with its airbag is gone."}, []string{"car park", "residential street"},
		[]damage{{"shatter", "{s}-windows", "severe", ""}, {"missing", "interior", "severe", "Navigation unit and airbag"}, {"scratch", "front-{s}-door", "minor", ""}},
		[]work{{"replace", "{s}-windows", []int{1}, [2]int{90, 130}}, {"interior-repair", "interior", []int{2}, [2]int{180, 280}}, {"reset-restraints", "interior", []int{2}, [2]int{110, 160}}, {"clean", "interior", []int{1}, [2]int{80, 120}}, {"polish", "front-{s}-door", []int{3}, [2]int{30, 50}}},
		[]part{{"Door glass, front {s}", "DG", 1, 162, 1}, {"Navigation unit, remanufactured", "NU", 2, 894, 1}, {"Driver airbag", "DA", 3, 612, 1}},
		[]material{{"Consumables", 22}}},
	{5, "collision-object", []string{"Slid off an icy road into a kerb.", "Hit a pothole at speed in the rain."}, roads,
		[]damage{{"deformation", "front-{s}-wheel", "severe", "Rim and control arm"}, {"misalignment", "front-structure", "moderate", ""}, {"tear", "underbody", "minor", "Wheel arch liner"}},
		[]work{{"diagnose", "front-{s}-wheel", []int{1}, [2]int{60, 90}}, {"mechanical-repair", "front-{s}-wheel", []int{1}, [2]int{220, 340}}, {"replace", "underbody", []int{3}, [2]int{50, 70}}, {"wheel-alignment", "front-structure", []int{2}, [2]int{110, 150}}, {"road-test", "whole-vehicle", nil, [2]int{30, 50}}},
		[]part{{"Control arm, front {s}", "CA", 2, 214, 1}, {"Alloy wheel 17 inch", "AW", 2, 326, 1}, {"Wheel bearing set", "WB", 2, 118, 1}, {"Wheel arch liner, {s}", "LN", 3, 58, 1}},
		[]material{{"Consumables", 19}}},
	{4, "storm", []string{"A branch fell on the car during a storm.", "A roof tile came down in the wind."}, []string{"in front of the house", "residential street", "park"},
		[]damage{{"dent", "roof", "severe", ""}, {"shatter", "rear-window", "severe", ""}, {"scratch", "trunk", "minor", ""}},
		[]work{{"repair-panel", "roof", []int{1}, [2]int{420, 620}}, {"refinish", "roof", []int{1}, [2]int{310, 390}}, {"glass-replace", "rear-window", []int{2}, [2]int{140, 190}}, {"polish", "trunk", []int{3}, [2]int{40, 60}}, {"clean", "interior", []int{2}, [2]int{70, 100}}},
		[]part{{"Rear window, heated", "RW", 3, 318, 1}, {"Seal, rear window", "RS", 3, 46, 1}},
		[]material{{"Paint and clear coat", 246}, {"Glass adhesive set", 48}}},
	{4, "flood", []string{"Water rose in the underground garage after heavy rain.", "Drove into a flooded underpass."}, []string{"underground garage", "underpass"},
		[]damage{{"water-damage", "interior", "severe", "Up to the seat rails"}, {"electrical", "interior", "severe", "Body control unit"}, {"water-damage", "engine-bay", "moderate", ""}},
		[]work{{"diagnose", "whole-vehicle", nil, [2]int{120, 180}}, {"drain-and-dry", "interior", []int{1}, [2]int{520, 780}}, {"electrical-repair", "interior", []int{2}, [2]int{260, 420}}, {"mechanical-repair", "engine-bay", []int{3}, [2]int{180, 260}}, {"clean", "interior", []int{1}, [2]int{160, 240}}},
		[]part{{"Body control unit", "BC", 3, 486, 1}, {"Carpet set", "CS", 2, 392, 1}, {"Cabin filter", "CF", 2, 24, 1}},
		[]material{{"Disinfectant and cleaning agents", 64}}},
}
