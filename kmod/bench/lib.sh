# SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
# Two hosts and a bridge, for the benches; to be sourced.
#
#	a ──veth── sw (bridge) ──veth── b
#	10.0.0.1                  10.0.0.2

for n in a b sw; do
	ip netns add $n
	ip -n $n link set lo up
done
ip -n sw link add switch type bridge
ip -n sw link set dev switch up
for n in a b; do
	ip -n $n link add eth0 type veth peer name to$n netns sw
	ip -n sw link set dev to$n master switch up
	ip -n $n link set dev eth0 up
done
ip -n a address add 10.0.0.1/24 dev eth0
ip -n b address add 10.0.0.2/24 dev eth0
sleep 2

# client homa|tcp BYTES COUNT NAME
client() {
	ip netns exec a pair client "$1" 10.0.0.2 100 "$2" "$3" "$4"
}

for transport in homa tcp; do
	ip netns exec b pair server $transport 100 &
done
sleep 1
