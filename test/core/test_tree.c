// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0+
/*
 * Unit tests of the ordered tree, held to a sorted array.
 */
#include "check.h"
#include "tree.h"

#define NODES 600

/* Check the shape below @node. Return: its height. */
static s32 check_shape(const struct homa_node *node, const struct homa_node *parent, u32 *count)
{
	s32 left, right;

	if (!node)
		return 0;
	assert_ptr_equal(node->parent, parent);
	left = check_shape(node->child[0], node, count);
	right = check_shape(node->child[1], node, count);
	assert_in_range(left - right + 1, 0, 2);
	assert_int_equal(node->height, 1 + (left > right ? left : right));
	(*count)++;
	return node->height;
}

static int compare(const void *a, const void *b)
{
	const struct homa_node *x = *(struct homa_node *const *)a;
	const struct homa_node *y = *(struct homa_node *const *)b;

	return homa_node_before(x, y) ? -1 : homa_node_before(y, x);
}

/* The tree holds exactly the queued ones of @nodes, in order. */
static void check_tree(struct homa_tree *tree, struct homa_node *nodes, u32 n)
{
	struct homa_node *sorted[NODES], *at;
	u32 i, used = 0, count = 0;

	for (i = 0; i < n; i++)
		if (homa_node_queued(&nodes[i]))
			sorted[used++] = &nodes[i];
	qsort(sorted, used, sizeof(sorted[0]), compare);
	check_shape(tree->root, NULL, &count);
	assert_int_equal(count, used);
	at = tree->first;
	for (i = 0; i < used; i++) {
		assert_ptr_equal(at, sorted[i]);
		at = homa_tree_next(at);
	}
	assert_null(at);
}

static void random_changes_keep_order_and_balance(void **state)
{
	static struct homa_node nodes[NODES];
	struct homa_tree tree;
	u64 seed = 1;
	u32 i, round;

	(void)state;
	for (round = 0; round < 6; round++) {
		u32 n = round < 3 ? 12 : NODES, keys = round & 1 ? 5 : 1000000;

		homa_tree_init(&tree);
		for (i = 0; i < n; i++)
			homa_node_init(&nodes[i]);
		for (i = 0; i < 40000; i++) {
			struct homa_node *node = &nodes[random_below(&seed, n)];

			if (homa_node_queued(node)) {
				homa_tree_remove(&tree, node);
			} else {
				node->key = random_below(&seed, keys);
				node->tie = i;
				homa_tree_insert(&tree, node);
			}
			if (n < 100 || i % 97 == 0)
				check_tree(&tree, nodes, n);
		}
	}
}

static void sorted_insertions_stay_logarithmic(void **state)
{
	static struct homa_node nodes[1 << 14];
	struct homa_tree tree;
	u32 i, n = ARRAY_SIZE(nodes), count = 0;

	(void)state;
	homa_tree_init(&tree);
	for (i = 0; i < n; i++) {
		nodes[i].key = 7;
		nodes[i].tie = i;
		homa_tree_insert(&tree, &nodes[i]);
	}
	assert_in_range(check_shape(tree.root, NULL, &count), 14, 20);
	assert_int_equal(count, n);
	for (i = 0; i < n; i++) {
		assert_ptr_equal(tree.first, &nodes[i]);
		homa_tree_remove(&tree, &nodes[i]);
		if (i % 1024 == 0) {
			count = 0;
			check_shape(tree.root, NULL, &count);
			assert_int_equal(count, n - i - 1);
		}
	}
	assert_null(tree.root);
	assert_null(tree.first);
}

static void equal_keys_are_served_by_tie(void **state)
{
	struct homa_node a = { .key = 4, .tie = 2 }, b = { .key = 4, .tie = 1 };
	struct homa_tree tree;

	(void)state;
	homa_tree_init(&tree);
	homa_tree_insert(&tree, &a);
	homa_tree_insert(&tree, &b);
	assert_ptr_equal(tree.first, &b);
	assert_ptr_equal(homa_tree_next(&b), &a);
	assert_null(homa_tree_next(&a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_changes_keep_order_and_balance),
		cmocka_unit_test(sorted_insertions_stay_logarithmic),
		cmocka_unit_test(equal_keys_are_served_by_tie),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
