// SPDX-License-Identifier: Apache-2.0
#include "base/list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/prng.h"

namespace ringpost {
namespace {

struct Item {
    int number = 0;
    ListHook<Item> hook;
    ListHook<Item> other_hook;
};
using Items = List<Item, &Item::hook>;
using OtherItems = List<Item, &Item::other_hook>;

/// The list holds exactly these, seen from its front and from its back.
void expect_holds(const Items& list, const std::vector<Item*>& expected) {
    ASSERT_EQ(list.size(), expected.size());
    ASSERT_EQ(list.empty(), expected.empty());
    std::vector<Item*> forwards;
    for (Item* i = list.front(); i != nullptr; i = Items::next(*i)) forwards.push_back(i);
    ASSERT_EQ(forwards, expected);
    std::vector<Item*> backwards;
    for (Item* i = list.back(); i != nullptr; i = i->hook.previous) backwards.push_back(i);
    std::reverse(backwards.begin(), backwards.end());
    ASSERT_EQ(backwards, expected);
}

TEST(List, BehavesAsASequenceUnderEveryOperation) {
    Prng prng(2);
    std::vector<Item> items(12);
    Items list;
    std::vector<Item*> model;
    for (int round = 0; round < 20'000; ++round) {
        Item& item = items[prng.below(12)];
        const auto place = std::find(model.begin(), model.end(), &item);
        ASSERT_EQ(Items::linked(item), place != model.end());
        if (place != model.end()) {
            list.remove(item);
            model.erase(place);
        } else if (prng.below(4) == 0) {
            list.push_front(item);
            model.insert(model.begin(), &item);
        } else if (prng.below(3) == 0) {
            list.push_back(item);
            model.push_back(&item);
        } else {
            const std::size_t at = prng.below(static_cast<std::uint32_t>(model.size()) + 1);
            list.insert_before(item, at == model.size() ? nullptr : model[at]);
            model.insert(model.begin() + static_cast<std::ptrdiff_t>(at), &item);
        }
        expect_holds(list, model);
        ASSERT_FALSE(HasFatalFailure());
    }
}

TEST(List, PopFrontTakesEachElementOnceAndThenNull) {
    Item a;
    Item b;
    Items list;
    list.push_back(a);
    list.push_back(b);
    EXPECT_EQ(list.pop_front(), &a);
    EXPECT_FALSE(Items::linked(a));
    EXPECT_EQ(list.pop_front(), &b);
    EXPECT_EQ(list.pop_front(), nullptr);
    EXPECT_TRUE(list.empty());
}

TEST(List, AnElementMayBeOnOneListForEachOfItsHooks) {
    Item a;
    Items list;
    OtherItems other;
    list.push_back(a);
    other.push_back(a);
    list.remove(a);
    EXPECT_FALSE(Items::linked(a));
    EXPECT_TRUE(OtherItems::linked(a));
    EXPECT_EQ(other.front(), &a);
}

TEST(ListDeath, LinkingTwiceOrRemovingAStrangerAborts) {
    Item a;
    Items list;
    EXPECT_DEATH(list.remove(a), "list\\.h:[0-9]+: assertion failed: hook\\.linked");
    list.push_back(a);
    EXPECT_DEATH(list.push_back(a), "assertion failed: !hook\\.linked");
}

}  // namespace
}  // namespace ringpost
