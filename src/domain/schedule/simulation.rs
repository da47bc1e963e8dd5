//! A simulated year, many times: written below.
