// SPDX-License-Identifier: Apache-2.0
#include "produce/topics_in_use.h"

#include "core_world.h"

namespace ringpost::produce {
namespace {

const Duration second = Duration::seconds(1);

/// A world that asks for few topics at a time, and what it has asked for: a line a question.
struct Asking {
    /// Each topic has one partition: an answer about it counts two.
    explicit Asking(std::uint32_t turn_items_max, bool auto_create = true)
        : world({.partitions = 1, .auto_create = auto_create}, with(turn_items_max)) {
        world.cluster.faults().on_request = [this](const fake::RequestAttempt& attempt) {
            if (attempt.header.key != wire::ApiKey::metadata) return fake::RequestFate::handle;
            wire::MetadataRequest request;
            EXPECT_TRUE(wire::decode(attempt.body, attempt.header.version, request));
            std::string names;
            for (const auto& topic : request.topics) names += topic.name;
            questions.push_back(names);
            return on_question ? on_question(names) : fake::RequestFate::handle;
        };
    }
    static Config with(std::uint32_t turn_items_max) {
        Config config;
        config.turn_items_max = turn_items_max;
        config.metadata_max_age = second * 100;
        config.metadata_max_idle = second * 1000;
        config.connection.idle_max = Duration{};
        return config;
    }
    /// Topics of one letter, all known at the end. The first was asked for alone, while nothing
    /// was known of how large they are, and once more with the last.
    void know(std::string_view letters) {
        for (const char c : letters) world.add_topic(id(c), std::string(1, c));
        world.pass(second);
        questions.clear();
    }
    static std::uint32_t id(char c) { return static_cast<std::uint32_t>(c - 'a'); }
    Topic& topic(char c) { return *world.core->find_topic(id(c)); }
    std::string all() const {
        std::string all;
        for (const auto& q : questions) all += q;
        return all;
    }
    std::size_t longest() const {
        std::size_t longest = 0;
        for (const auto& q : questions) longest = std::max(longest, q.size());
        return longest;
    }

    CoreWorld world;
    std::vector<std::string> questions;
    std::function<fake::RequestFate(const std::string&)> on_question;
};

using Questions = std::vector<std::string>;

TEST(TopicsInUse, AFewTopicsAreAskedForTogether) {
    Asking asking(1000);
    asking.know("abc");
    asking.world.pass(second * 100);
    EXPECT_EQ(asking.questions, Questions{"abc"});
}

TEST(TopicsInUse, ARefreshAsksForEachTopicOnceInBoundedQuestions) {
    Asking asking(6);
    asking.know("abcdefgh");
    asking.world.pass(second * 100);
    EXPECT_EQ(asking.questions, (Questions{"cde", "fgh", "ab"}));
    asking.world.pass(second * 101);
    EXPECT_EQ(asking.questions, (Questions{"cde", "fgh", "ab", "cde", "fgh", "ab"}));
}

TEST(TopicsInUse, ATopicThatIsMoreThanAQuestionsWorthIsAskedForAlone) {
    Asking asking(6);
    ASSERT_TRUE(asking.world.cluster.create_topic("b", 50));
    asking.know("abc");
    asking.world.pass(second * 100);
    EXPECT_EQ(asking.questions, (Questions{"b", "ca"}));
    EXPECT_EQ(asking.topic('b').partition_count, 50U);
}

TEST(TopicsInUse, OfTopicsThatNothingIsKnownOfFewAreAskedFor) {
    Asking asking(200);
    for (const char c : std::string_view("abcdefgh")) {
        asking.world.add_topic(Asking::id(c), std::string(1, c));
    }
    asking.world.pass(second);
    EXPECT_EQ(asking.questions, (Questions{"a", "bcdefgha"})) << "then they may be like the first";
}

TEST(TopicsInUse, ATopicThatIsNewOvertakesARefresh) {
    Asking asking(6);
    asking.know("abcdefgh");
    asking.on_question = [&](const std::string& names) {
        if (names == "cde") asking.world.add_topic(Asking::id('z'), "z");
        return fake::RequestFate::handle;
    };
    asking.world.pass(second * 100);
    EXPECT_EQ(asking.questions, (Questions{"cde", "zfg", "hab"}));
    EXPECT_EQ(asking.topic('z').state, Topic::State::known);
}

TEST(TopicsInUse, AnErrorAsksForItsTopicAtOnce) {
    Asking asking(4);
    asking.know("abcdefgh");
    ASSERT_TRUE(asking.world.produce(Asking::id('g'), 1, "x"));
    int errors = 1;
    asking.world.cluster.faults().on_produce = [&](const fake::ProduceAttempt&) {
        return fake::ProduceFault{errors-- > 0 ? Errc::not_leader_or_follower : Errc::none};
    };
    asking.world.pass(second);
    EXPECT_EQ(asking.world.told(1).error, Errc::none);
    EXPECT_EQ(asking.questions, Questions{"gb"}) << "and for what was not asked for the longest";
}

TEST(TopicsInUse, WhatIsWantedWhileItsAnswerIsOnTheWayIsAskedForAgain) {
    const Config config;
    Prng prng(1);
    const Instant now = Instant::from_ns(1'000'000'000);
    TopicsInUse topics(config, prng);
    Topic a;
    a.used_at = now;
    topics.want(a);
    ASSERT_EQ(topics.next_question(now).size(), 1U);
    EXPECT_EQ(topics.look(now), TopicsInUse::Due::no);
    topics.want(a);  // an error: this answer may be older
    a.pending = false;
    topics.on_answered(now);
    EXPECT_EQ(topics.look(now), TopicsInUse::Due::yes);
    ASSERT_EQ(topics.next_question(now).size(), 1U);
    topics.want_all();  // the same, of nobody in particular
    a.pending = false;
    topics.on_answered(now);
    EXPECT_EQ(topics.look(now), TopicsInUse::Due::yes);
    ASSERT_EQ(topics.next_question(now).size(), 1U);
    a.pending = false;
    topics.on_answered(now);
    EXPECT_EQ(topics.look(now), TopicsInUse::Due::no);
}

TEST(TopicsInUse, AQuestionThatIsLostIsAskedAgainAfterAWaitAndTheRefreshGoesOn) {
    Asking asking(6);
    asking.know("abcdefgh");
    asking.on_question = [&](const std::string&) {
        return asking.questions.size() == 2 ? fake::RequestFate::close : fake::RequestFate::handle;
    };
    asking.world.pass(second * 102);
    EXPECT_EQ(asking.questions, (Questions{"cde", "fgh", "fgh", "ab"}));
}

TEST(TopicsInUse, ATopicThatIsDeletedMeanwhileHoldsNobodyUp) {
    Asking asking(6, false);
    for (const char c : std::string_view("abcdefgh")) {
        ASSERT_TRUE(asking.world.cluster.create_topic(std::string(1, c)));
    }
    asking.know("abcdefgh");
    asking.on_question = [&](const std::string& names) {
        if (names == "cde") asking.world.cluster.delete_topic("g");
        return fake::RequestFate::handle;
    };
    asking.world.pass(second * 99 + Duration::ms(1));
    ASSERT_EQ(asking.questions.size(), 3U) << "nobody waits for the missing one";
    EXPECT_EQ(asking.all(), "cdefghab");
    EXPECT_EQ(asking.topic('g').state, Topic::State::missing);
    ASSERT_TRUE(asking.world.cluster.create_topic("g"));
    asking.world.pass(second * 2);
    EXPECT_EQ(asking.topic('g').state, Topic::State::known) << "it was asked for again";
    EXPECT_LE(asking.longest(), 3U);
}

TEST(TopicsInUse, ManyThatAreMissingAreAllAskedForAgainAfterEachWait) {
    Asking asking(3, false);
    const std::string_view letters = "abcdefghijkl";
    for (const char c : letters) asking.world.add_topic(Asking::id(c), std::string(1, c));
    asking.world.pass(second * 30);
    for (const char c : letters) {
        const std::string all = asking.all();
        EXPECT_GE(std::count(all.begin(), all.end(), c), 20) << c;
        EXPECT_LE(std::count(all.begin(), all.end(), c), 90) << c << ": it waits longer and longer";
    }
}

TEST(TopicsInUse, TopicsThatAreForgottenTogetherAreLookedAtInPieces) {
    Asking asking(3);
    asking.know("abcdefgh");
    asking.world.pass(second * 1200);
    for (const char c : std::string_view("abcdefgh")) EXPECT_FALSE(asking.topic(c).in_use());
    EXPECT_TRUE(asking.world.core->next_deadline(asking.world.now).is_never());
}

}  // namespace
}  // namespace ringpost::produce
