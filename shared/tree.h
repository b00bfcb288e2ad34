/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+ */
/*
 * Intrusive AVL tree: the order in which messages are served (SRPT). Keys live in the nodes, so
 * there is no comparison callback and no dependence on addresses; equal keys are told apart by
 * @tie, which its user makes unique. Insertion and removal take O(log n) for any sequence of keys a
 * peer can cause; the first node is cached.
 *
 * The lock of the object that holds the root protects every node in it.
 */
#ifndef HOMA_TREE_H
#define HOMA_TREE_H

#include "platform.h"

struct homa_node {
	struct homa_node *parent, *child[2];
	u64 key;	/* smallest first */
	u64 tie;	/* among equal keys, smallest first; unique */
	s32 height;	/* 0: in no tree */
};

struct homa_tree {
	struct homa_node *first, *root;
};

static inline void homa_tree_init(struct homa_tree *tree)
{
	tree->root = NULL;
	tree->first = NULL;
}

static inline void homa_node_init(struct homa_node *node)
{
	node->height = 0;
}

static inline bool homa_node_queued(const struct homa_node *node)
{
	return node->height != 0;
}

static inline bool homa_node_before(const struct homa_node *a, const struct homa_node *b)
{
	return a->key < b->key || (a->key == b->key && a->tie < b->tie);
}

/**
 * homa_tree_insert() - Add a node at the place its key and tie say.
 * @tree: Where to.
 * @node: In no tree; key and tie are set.
 */
void homa_tree_insert(struct homa_tree *tree, struct homa_node *node);

/**
 * homa_tree_remove() - Take a node out.
 * @tree: Where it is.
 * @node: In @tree.
 */
void homa_tree_remove(struct homa_tree *tree, struct homa_node *node);

/**
 * homa_tree_next() - The node served after this one.
 * @node: In a tree.
 * Return: NULL when @node is the last.
 */
struct homa_node *homa_tree_next(const struct homa_node *node);

#endif /* HOMA_TREE_H */
