-- The least that a submission must do: look the link up; then, in one durable statement, mark it used and store the answers.
\set n random(0, 399999)
select token from link where token = 'link' || lpad(:n::text, 8, '0');
with taken as (
  update link set used = true where token = 'link' || lpad(:n::text, 8, '0') returning token, episode
)
insert into answer_sheet (token, episode, form, answers, total, raised)
select token, episode, 1, '[2,1,3,0,1,2,1,1,0]', 11, 0 from taken;
