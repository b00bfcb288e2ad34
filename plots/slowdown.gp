# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
#
# The look of the slowdown figures. Run by plots/slowdown, as
#
#   gnuplot -c slowdown.gp SETTINGS PREFIX
#
# SETTINGS is a gnuplot script that sets `series`, the arrays file, label, colour, marker and width
# (1..series), title, ymax, crowded and the tics of the x axis. A file has columns: percentile of
# message count, P50, P99; then rows of marks, with nan for both and y in a fourth column. Writes
# PREFIX.svg and PREFIX.png.

load ARG1
prefix = ARG2

set encoding utf8
set border 3 linewidth 1.2 linecolor '#333333'
set grid xtics ytics linetype 1 linewidth 0.6 linecolor '#dddddd'
set title title noenhanced font ',17' offset 0,0.2
set xlabel 'Message size (bytes); axis linear in number of messages, a tick at each 10%' offset 0,-0.3
set ylabel 'Slowdown (latency / minimum for the size)' offset -0.5,0
set rmargin 4
set xrange [0:100]
set xtics nomirror out
# Down to 0.9 because a published curve may lie a little below 1.
set logscale y
set yrange [0.9:ymax]
set ytics nomirror ('1' 1, '1.5' 1.5, '2' 2, '3' 3, '5' 5, '7' 7, '10' 10, '15' 15, '20' 20, \
	'30' 30, '50' 50, '70' 70, '100' 100, '200' 200, '300' 300, '500' 500, '1000' 1000, \
	'3000' 3000, '10000' 10000)
set key noenhanced Left reverse samplen 3 spacing 1.25
# The upper left is free of curves as long as short messages are fast.
height = 560
if (crowded) {
	rows = ceil((series + 2)/2.0)
	set key below center horizontal maxcols 2
	set bmargin 5 + 1.3*rows
	# A legend of more rows takes nothing from the curves.
	if (rows > 5) { height = height + 22*(rows - 5) }
} else {
	set key top left width 1 opaque box linecolor '#cccccc'
}

# Drawn backwards, so that the first curve lies on top. The legend shows each curve by its solid
# line, then what solid and dashed mean.
set macros
curves = "plot for [i=series:1:-1] file[i] using 1:2 with lines dashtype (9,5) linewidth 0.65*width[i] \
		linecolor rgb colour[i] notitle, \
	for [i=series:1:-1] file[i] using 1:3 with lines linewidth width[i] linecolor rgb colour[i] \
		notitle, \
	for [i=series:1:-1] file[i] using 1:(marker[i] ? $4 : NaN) with points pointtype marker[i] \
		pointsize 0.7 linewidth 1.2 linecolor rgb colour[i] notitle, \
	for [i=1:series] NaN with linespoints linewidth width[i] linecolor rgb colour[i] \
		pointtype marker[i] pointsize (marker[i] ? 0.8 : 0) title label[i], \
	NaN with lines linewidth 2 linecolor rgb '#666666' title 'P99', \
	NaN with lines dashtype (9,5) linewidth 1.4 linecolor rgb '#666666' title 'P50'"

white = '#ffffff'
set terminal svg size 900,height dynamic font 'DejaVu Sans,Helvetica,Arial,sans-serif,13' background white
set output prefix.'.svg'
@curves
set output

set terminal pngcairo size 1800,2*height fontscale 1.6 linewidth 2 pointscale 2 font 'DejaVu Sans,13' \
	background white
set output prefix.'.png'
@curves
set output
