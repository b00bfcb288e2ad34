// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * AVL tree with parent pointers; see tree.h. Heights rather than balance factors are kept: one more
 * word to write, several cases fewer.
 */
#include "tree.h"

static s32 height(const struct homa_node *node)
{
	return node ? node->height : 0;
}

static void update_height(struct homa_node *node)
{
	s32 l = height(node->child[0]), r = height(node->child[1]);

	node->height = 1 + (l > r ? l : r);
}

/* Make @new stand where @old stood below its parent. */
static void replace(struct homa_tree *tree, struct homa_node *old, struct homa_node *new)
{
	struct homa_node *parent = old->parent;

	if (!parent)
		tree->root = new;
	else
		parent->child[parent->child[1] == old] = new;
	if (new)
		new->parent = parent;
}

/* Lift the child of @node on side @side above it. Return: the lifted node. */
static struct homa_node *rotate(struct homa_tree *tree, struct homa_node *node, int side)
{
	struct homa_node *up = node->child[side];
	struct homa_node *inner = up->child[!side];

	replace(tree, node, up);
	node->child[side] = inner;
	if (inner)
		inner->parent = node;
	up->child[!side] = node;
	node->parent = up;
	update_height(node);
	update_height(up);
	return up;
}

/* Restore the balance from @node up to the root, stopping where nothing changes. */
static void rebalance(struct homa_tree *tree, struct homa_node *node)
{
	while (node) {
		s32 before = node->height;
		s32 lean = height(node->child[1]) - height(node->child[0]);

		if (lean > 1 || lean < -1) {
			int side = lean > 0;
			struct homa_node *c = node->child[side];

			if (height(c->child[!side]) > height(c->child[side]))
				rotate(tree, c, !side);
			node = rotate(tree, node, side);
		} else {
			update_height(node);
		}
		if (node->height == before)
			return;
		node = node->parent;
	}
}

void homa_tree_insert(struct homa_tree *tree, struct homa_node *node)
{
	struct homa_node *parent = NULL, *at = tree->root;
	bool leftmost = true;
	int side = 0;

	while (at) {
		parent = at;
		side = !homa_node_before(node, at);
		leftmost = leftmost && !side;
		at = at->child[side];
	}
	node->parent = parent;
	node->child[0] = NULL;
	node->child[1] = NULL;
	node->height = 1;
	if (leftmost)
		tree->first = node;
	if (!parent) {
		tree->root = node;
		return;
	}
	parent->child[side] = node;
	rebalance(tree, parent);
}

void homa_tree_remove(struct homa_tree *tree, struct homa_node *node)
{
	struct homa_node *from;

	if (tree->first == node)
		tree->first = homa_tree_next(node);
	if (node->child[0] && node->child[1]) {
		/* Two children: the next node in order takes this one's place. */
		struct homa_node *next = node->child[1];

		while (next->child[0])
			next = next->child[0];
		from = next->parent == node ? next : next->parent;
		replace(tree, next, next->child[1]);
		replace(tree, node, next);
		next->child[0] = node->child[0];
		next->child[0]->parent = next;
		next->child[1] = node->child[1];
		if (next->child[1])
			next->child[1]->parent = next;
		next->height = node->height;
	} else {
		from = node->parent;
		replace(tree, node, node->child[!node->child[0]]);
	}
	rebalance(tree, from);
	node->height = 0;
}

struct homa_node *homa_tree_next(const struct homa_node *node)
{
	const struct homa_node *at = node;

	if (at->child[1]) {
		at = at->child[1];
		while (at->child[0])
			at = at->child[0];
		return (struct homa_node *)at;
	}
	while (at->parent && at->parent->child[1] == at)
		at = at->parent;
	return at->parent;
}
